#pragma once

#include <string>

namespace gradus::app {

/// Every layer, activation, optimizer, loss and initializer that there is, with its options: from the registries.
std::string help_on_specs();
/// The options of --augment, a line each.
std::string help_on_augmentation();

}  // namespace gradus::app
