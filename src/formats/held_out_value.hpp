#pragma once

#include <gradus/held_out.hpp>
#include <gradus/spec.hpp>

#include "data/row_hashes.hpp"

namespace gradus {

/// How a part was kept from training, as a model file has it:
///
///   {"data": "penguins.csv", "share": 0.2, "seed": 2, "stratified": true, "tail": false, "samples": 333,
///    "fingerprint": "9f2c..."}
Value held_out_value(const HeldOut& kept);
/// Throws `bad_data` for a field that is missing or of another type. What the numbers are worth is checked by
/// Sequential::set_held_out.
HeldOut held_out_from(const Value& value);

/// The samples learnt from: {"level": 0, "hashes": "..."}, 6 bytes a hash, the most significant first, as base64.
Value learnt_rows_value(const LearntRows& rows);
/// Throws `bad_data` for what learnt_rows_value cannot have written.
LearntRows learnt_rows_from(const Value& value);

}  // namespace gradus
