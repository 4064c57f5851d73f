#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include <gradus/error.hpp>

namespace gradus::test {

/// Expects that `call` throws an Error of this code whose sentence contains all of `parts`.
template <class Call>
void expect_error(ErrorCode code, std::initializer_list<std::string> parts, Call call) {
  try {
    call();
    ADD_FAILURE() << "expected an error, got none";
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << "'" << part << "' is not in: " << error.what();
    }
  }
}

}  // namespace gradus::test
