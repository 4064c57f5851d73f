// The smallest problem that one layer cannot solve: 2-4-1 learns "either, but not both", and says so in numbers.
#include <gradus/gradus.hpp>
#include <iostream>

using namespace gradus;

int main() {
  const Dataset corners = datasets::xor_corners();
  Sequential model{{2},
                   {
                       Dense{.units = 4, .activation = Activation::tanh},
                       Dense{.units = 1, .activation = sigmoid},
                   },
                   {.seed = 1}};
  model.compile({.optimizer = SGD{.learning_rate = 0.5}, .loss = BinaryCrossentropy{}, .metrics = {Accuracy{}}});
  model.fit(corners, {.epochs = 2000, .batch_size = 4});

  const Tensor outputs = model.predict(corners.inputs());
  for (int row = 0; row < 4; ++row) {
    std::cout << corners.inputs().at(2 * row) << " xor " << corners.inputs().at(2 * row + 1) << " = " << outputs[row]
              << "\n";
  }
  const double accuracy = model.evaluate(corners).at("accuracy");
  std::cout << "accuracy " << accuracy << "\n";
  return accuracy == 1 ? 0 : 1;
}
