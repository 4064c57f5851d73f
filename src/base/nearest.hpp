#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gradus {

/// How many letters must be changed, left out, put in or swapped with their neighbour to make `b` out of `a`
/// (optimal string alignment). Case counts not; '-' and '_' are one letter.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that somebody who typed `name` most likely meant; nothing when none is near. Of equally near ones
/// the first.
std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates);

/// "; did you mean 'mnist'?" with the nearest candidate, or "" when none is near. Ends a sentence of an error.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

/// "data/trian.csv: no such file; did you mean 'data/train.csv'?", with the nearest name in the same directory if one
/// is near, its ending aside, too.
std::string no_such_file(const std::string& path);

}  // namespace gradus
