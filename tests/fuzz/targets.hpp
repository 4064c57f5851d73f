#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// The readers, each fed with bytes that may come from anywhere. What they owe: a result or a gradus::Error with a
/// sentence; no crash, no hang, no memory beyond what the bytes justify.
namespace gradus::fuzz {

using Bytes = std::vector<std::uint8_t>;

struct Target {
  std::string name;
  void (*run)(std::span<const std::uint8_t> bytes);
  /// Sound inputs, from which a fuzzer starts.
  std::vector<Bytes> (*seeds)();
};

const std::vector<Target>& targets();

/// Runs a target; anything but a result or an Error ends the program.
void feed(const Target& target, std::span<const std::uint8_t> bytes);

}  // namespace gradus::fuzz
