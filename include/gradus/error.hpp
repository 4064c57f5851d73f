#pragma once

#include <stdexcept>
#include <string>

namespace gradus {

/// Why a call failed. The program turns a code into an exit status, a server into an HTTP status.
enum class ErrorCode {
  invalid_argument,  ///< The caller asked for something that has no meaning: a shape, an option, a name.
  bad_data,          ///< A data set or a model file does not say what its format demands.
  not_found,         ///< A file, a data set or a name is not there.
  io,                ///< The system could not read, write or fetch.
  not_finite,        ///< A number became NaN or infinite while training.
  unsupported,       ///< Well formed, but something that Gradus does not do.
};

/// The one exception of the library. `what()` is a sentence for a person: where, what was found, what was expected.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace gradus
