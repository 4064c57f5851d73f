#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gradus/augmentation.hpp>
#include <gradus/callbacks.hpp>
#include <gradus/layers.hpp>
#include <gradus/losses.hpp>
#include <gradus/metrics.hpp>
#include <gradus/optimizers.hpp>

/// Specs as people type them, on the command line and in recipes:
///
///   dense 90 relu use_bias=false, dropout 0.3, dense 10 softmax kernel_initializer=random_normal(stddev=0.1)
///   rmsprop        rmsprop(learning_rate=0.01)        sgd 0.3 momentum=0.9
///   adam learning_rate=cosine_decay(0.001, 5000)
///
/// A spec is a class name and words; the words may stand in parentheses, commas between them. Of names, capitals and
/// underscores do not count: MaxPooling2D, max_pooling2d. A word is matched by its type:
///   - a number ("90", "0.3", "1/255") goes to the next number field that has none yet, in the order of the fields;
///   - sizes with an x between ("3x3") go to the next list field, as does a single number when no number field is left;
///   - the name of an activation goes to the activation field;
///   - the name of a true-or-false field alone makes it true;
///   - layers in brackets go to the field that holds layers: residual [dense 64 relu, dense 64];
///   - key=value sets the field of that name; a value may be a spec itself, or a list in brackets.
/// Every function throws `invalid_argument` with the words in question, what was expected and the nearest right name.
namespace gradus {

/// Layers with commas between. The name of an activation alone is an Activation layer.
std::vector<Layer> parse_layers(std::string_view text);
Layer parse_layer(std::string_view text);
Initializer parse_initializer(std::string_view text);
/// Also by the short names mse, mae, mape, msle, kld, bce, cce, scce.
Loss parse_loss(std::string_view text);
Optimizer parse_optimizer(std::string_view text);
Schedule parse_schedule(std::string_view text);
/// Also by the short names acc, mae, mse, rmse, r2, f1, topk.
std::vector<Metric> parse_metrics(std::string_view text);

/// Options with commas between, each a name with its numbers: "shift 2, rotate 10, elastic 34 4, horizontal_flip". A
/// name stands for all options that begin with it, in their order: elastic is elastic_alpha, elastic_sigma.
Augmentation parse_augmentation(std::string_view text);
/// From a table: {shift, 2}, {edge, "nearest"}.
Augmentation augmentation_from(const Value::Object& fields);

/// A spec of kind Kind (LayerKind, LossKind, ...) from text.
template <class Kind>
Spec<Kind> parse_spec(std::string_view text);

/// The class name that is meant, however it is spelled. Throws with the nearest right one.
template <class Kind>
std::string find_class_name(std::string_view name);

/// `fields` of a spec as a table holds them (units = 90, activation = "relu", kernel_initializer = "zeros"): texts
/// stand for specs where the field is one. Throws as Spec::make does.
template <class Kind>
Spec<Kind> make_spec(std::string_view class_name, const Value::Object& fields);

/// Keras's way to make a lower-case name of a class name: MaxPooling2D -> max_pooling2d, PReLU -> p_re_lu.
std::string snake_case(std::string_view class_name);

}  // namespace gradus
