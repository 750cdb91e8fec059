#include "shell_words.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace graceshim {

namespace {

constexpr std::array<std::string_view, 20> kReserved{"if",    "then", "else", "elif", "fi",   "for",      "while",
                                                     "until", "do",   "done", "case", "esac", "function", "select",
                                                     "time",  "{",    "}",    "!",    "[[",   "coproc"};

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  ShellText split() {
    while (at_ < text_.size()) one(text_[at_++]);
    end_command();
    result_.is_kept = redirected_ || text_.ends_with("\n\n");
    return std::move(result_);
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void one(char c) {
    switch (c) {
      case ' ':
      case '\t':
        end_word();
        return;
      case '\n':
      case ';':
        end_command();
        list_ = result_.commands.size();
        result_.ends_alone = true;
        return;
      case '&':
        if (peek() == '&') {
          ++at_;
          end_command();
        } else if (peek() == '>') {
          ++at_;
          redirection('>');
        } else {
          end_command();
          leave_behind();
        }
        return;
      case '|':
      case '(':
      case ')':
      case '`':
        result_.straight = false;
        end_command();
        result_.ends_alone = false;
        return;
      case '<':
      case '>':
        redirection(c);
        return;
      case '\\':
        if (peek() == '\n') {
          ++at_;
        } else if (at_ < text_.size()) {
          add(text_[at_++]);
        }
        return;
      case '\'':
        quoted_ = in_word_ = true;
        while (at_ < text_.size() && text_[at_] != '\'') add(text_[at_++]);
        ++at_;
        return;
      case '"':
        double_quoted();
        return;
      case '#':
        if (in_word_) {
          add(c);
        } else {
          while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        }
        return;
      default:
        add(c);
    }
  }

  void double_quoted() {
    quoted_ = in_word_ = true;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size() &&
          std::string_view("\\\"$`\n").find(text_[at_ + 1]) != std::string_view::npos)
        ++at_;
      add(text_[at_++]);
    }
    ++at_;
  }

  // In `2>&1`, `>>log` and `< file`, neither the number of the descriptor nor the target is a word of the command.
  void redirection(char c) {
    if (in_word_ && !quoted_ && word_.find_first_not_of("0123456789") == std::string::npos) {
      word_.clear();
      in_word_ = false;
    }
    end_word();
    if (c == '<' && peek() == '<') result_.straight = false;  // the text of a here-document follows
    while (peek() == '<' || peek() == '>' || peek() == '&' || peek() == '|') ++at_;
    while (peek() == ' ' || peek() == '\t') ++at_;
    drop_word_ = redirected_ = true;
  }

  void add(char c) {
    in_word_ = true;
    word_.push_back(c);
  }

  void end_word() {
    if (!in_word_) return;
    if (command_.empty() && !drop_word_) redirected_ = false;
    const bool reserved = command_.empty() && !quoted_ && std::ranges::find(kReserved, word_) != kReserved.end();
    if (reserved) result_.straight = false;
    if (!drop_word_) command_.push_back(std::move(word_));
    word_.clear();
    in_word_ = quoted_ = drop_word_ = false;
  }

  void end_command() {
    end_word();
    drop_word_ = false;
    if (!command_.empty()) result_.commands.push_back(std::move(command_));
    command_.clear();
  }

  // Moves the current list to the background. In `a && b &` this is both commands.
  void leave_behind() {
    const auto first = result_.commands.begin() + static_cast<std::ptrdiff_t>(list_);
    result_.background.insert(result_.background.end(), std::make_move_iterator(first),
                              std::make_move_iterator(result_.commands.end()));
    result_.commands.erase(first, result_.commands.end());
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t list_ = 0;  // the index of the first command of the current list
  ShellText result_;
  std::vector<std::string> command_;
  std::string word_;
  bool in_word_ = false;
  bool quoted_ = false;      // a part of the word is quoted
  bool drop_word_ = false;   // the word is the target of a redirection
  bool redirected_ = false;  // the command has one
};

}  // namespace

ShellText split_shell_text(std::string_view text) {
  return Splitter(text).split();
}

}  // namespace graceshim
