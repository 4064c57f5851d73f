// The two files of CONTRIBUTING.md's example: the struct, and what it does.
#include "example_layer.hpp"

#include "example_layer.cpp.inc"
