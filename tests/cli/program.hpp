#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "formats/json.hpp"
#include "paths.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {

/// Where the program that is tested runs: a directory of its own, a cache of its own, and no network.
inline RunOptions in(const TemporaryDirectory& directory) {
  RunOptions options;
  options.directory = directory.path().string();
  options.variables = {{"XDG_CACHE_HOME", (directory.path() / "cache").string()},
                       {"GRADUS_MIRRORS", "http://127.0.0.1:9/"},
                       {"TERM", "xterm-256color"},
                       {"LC_ALL", "C.UTF-8"}};
  options.without = {"NO_COLOR", "COLORTERM"};
  return options;
}

inline std::vector<std::string> gradus(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), GRADUS_PROGRAM);
  return arguments;
}

/// Standard output as JSON; fails the test when it is no JSON.
inline Value json_of(const Finished& finished) {
  try {
    return read_json(finished.out, "standard output");
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what() << "\nstdout: " << finished.out << "\nstderr: " << finished.err;
    return {};
  }
}

/// The value under a key; fails the test when there is none.
inline const Value& at(const Value& object, const std::string& key) {
  static const Value nothing;
  const Value* found = object.find(key);
  EXPECT_NE(found, nullptr) << "no key '" << key << "' in " << object.to_string();
  return found == nullptr ? nothing : *found;
}
inline double number(const Value& value) {
  if (const auto* whole = value.get_if<std::int64_t>()) return static_cast<double>(*whole);
  const auto* real = value.get_if<double>();
  EXPECT_NE(real, nullptr) << value.to_string() << " is no number";
  return real == nullptr ? 0 : *real;
}
inline std::string text(const Value& value) {
  const auto* found = value.get_if<std::string>();
  EXPECT_NE(found, nullptr) << value.to_string() << " is no text";
  return found == nullptr ? "" : *found;
}
inline const Value::List& list(const Value& value) {
  static const Value::List nothing;
  const auto* found = value.get_if<Value::List>();
  EXPECT_NE(found, nullptr) << value.to_string() << " is no list";
  return found == nullptr ? nothing : *found;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// That a program ended with `status` and said `words` on standard error, and nothing on standard output.
inline void expect_refusal(const Finished& finished, int status, const std::string& words) {
  EXPECT_EQ(finished.status, status) << finished.err;
  EXPECT_EQ(finished.out, "");
  EXPECT_TRUE(contains(finished.err, words)) << finished.err;
}

}  // namespace gradus::test
