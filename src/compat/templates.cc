#include "templates.h"

#include <cstring>
#include <string>

#include "text.h"

namespace graceshim {
namespace {

class TemplateNarrator : public Narrator {
 public:
  TemplateNarrator(World& world, const Recorder& recorder, std::string command, const Templates& templates,
                   std::string_view no_subreaper, bool warns_of_orphans)
      : Narrator(world, recorder, std::move(command)),
        templates_(templates),
        no_subreaper_(no_subreaper),
        warns_of_orphans_(warns_of_orphans) {}

  void tell_ready(bool is_subreaper, bool adopts) override {
    if (is_subreaper) tell_happening(Happening::kSubreaper, {});
    if (!adopts && !no_subreaper_.empty()) world().log_lines(LogLevel::kWarn, no_subreaper_);
  }

 protected:
  // Called for every orphan that is reaped: nothing is put together where the level is off.
  void tell_happening(Happening what, const Particulars& of) override {
    const Templates::Line& line = templates_[what];
    if (line.text.empty() || !world().logs(line.level)) return;
    if (what == Happening::kWarnOfOrphan && !warns_of_orphans_) return;
    const std::string pid = std::to_string(of.pid);
    const std::string number = std::to_string(of.how.value);
    const std::string origin = std::to_string(of.received);
    const std::string status = std::to_string(report().status);
    const std::string end = describe(of.how);
    const std::string error = std::strerror(of.how.value);
    const std::string name = ::strsignal(of.how.value);
    world().log(line.level, expand(line.text, {{'p', pid},
                                               {'n', number},
                                               {'d', name},
                                               {'r', error},
                                               {'o', origin},
                                               {'c', command()},
                                               {'e', end},
                                               {'s', status}}));
  }

  // What only passes its signal on and leaves the rest behind is not a stop to these inits.
  [[nodiscard]] bool tells_of_plain_stops() const override { return false; }
  [[nodiscard]] bool has_last_word(Happening what) const override { return !templates_[what].text.empty(); }

 private:
  const Templates& templates_;
  std::string_view no_subreaper_;
  bool warns_of_orphans_;
};

}  // namespace

NarratorMaker narrator_by(const Templates& templates, std::string_view no_subreaper, bool warns_of_orphans) {
  return [&templates, no_subreaper, warns_of_orphans](World& world, const Recorder& recorder, std::string command) {
    return std::make_unique<TemplateNarrator>(world, recorder, std::move(command), templates, no_subreaper,
                                              warns_of_orphans);
  };
}

}  // namespace graceshim
