#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gradus/spec.hpp>

/// What texts of specs are cut into: names, words, numbers and lists. Brackets and quotes are respected; all throw
/// `invalid_argument` for those that are not closed.
namespace gradus {

/// What counts of a name: Max_Pooling2D and maxpooling2d are one.
std::string folded(std::string_view name);
/// The parts between separators outside of brackets and quotes, trimmed.
std::vector<std::string> parts_of(std::string_view text, char separator);
/// The words between spaces outside of brackets and quotes; "a = b" is one word.
std::vector<std::string> words_of(std::string_view text);
/// How many letters the name takes that `text` begins with.
std::size_t end_of_name(std::string_view text);
/// The words behind a class name: "(a, b) c d" has four.
std::vector<std::string> words_behind_name(std::string_view rest);
/// "90", "-0.5", "1e-3", "1/255": whole where it is written so.
std::optional<Value> number_of(std::string_view text);
/// "[1, 2]", "(3, 3)", "3x3"; nothing when the text is none of these.
std::optional<Value> list_of(std::string_view text);
std::string without_quotes(std::string_view text);

}  // namespace gradus
