// What the codecs and [signals] read values with. Only the files of this folder that read values include it.
#pragma once

#include <string_view>
#include <vector>

#include "values.h"

namespace graceshim {

bool is_scalar(const Value& value);  // text or a number
bool is_text(const Value& value, std::string_view text);
bool has_zero_byte(const Value& value);

// Returns the error "expected a duration, not a list".
tl::unexpected<Error> wrong_kind(const Value& value, std::string_view expected);
// As wrong_kind(), where text may be wrong too.
tl::unexpected<Error> wrong_kind_of_text(const Value& value, std::string_view expected);
// Returns the error "unknown word 'wiat'", with the nearest of `words`, or with all of them if they are few.
tl::unexpected<Error> unknown_word(const Value& value, std::string_view what, WordList words);

template <class T>
Result<T> at_place(const Value& value, Result<T> parsed) {
  if (!parsed) return fail_at(value.where, parsed.error().message);
  return parsed;
}

// Returns the items of "TERM, INT" or ["TERM", "INT"] as single values. Those of a list have places of their own.
Result<std::vector<Value>> items_of(const Value& value, std::string_view expected);

Result<int> read_signal(const Value& value);
Result<int> read_arriving_signal(const Value& value);

// Reads an exit status.
Result<int> read_code(const Value& value);

}  // namespace graceshim
