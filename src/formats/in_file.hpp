#pragma once

#include <new>
#include <string>

#include <gradus/error.hpp>

namespace gradus {

/// Puts the file, or a place in it, in front of what `read` throws. What the library calls a wrong argument is, coming
/// from a file, a wrong file.
template <class F>
auto in_file(const std::string& place, F&& read) {
  try {
    return read();
  } catch (const Error& error) {
    const bool wrong = error.code() == ErrorCode::invalid_argument || error.code() == ErrorCode::not_found;
    throw Error(wrong ? ErrorCode::bad_data : error.code(), place + ": " + error.what());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::io, place + ": there is not enough memory for this model");
  }
}

}  // namespace gradus
