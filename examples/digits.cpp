// Learns to read handwritten digits: a network of one hidden layer, trained on MNIST in seconds.
#include <gradus/gradus.hpp>
#include <iostream>

using namespace gradus;

int main() {
  auto [train, test] = datasets::mnist();  // downloads once, verifies, caches
  Sequential model{{28, 28, 1},
                   {
                       Rescaling{.scale = 1.0 / 255},
                       Flatten{},
                       Dense{.units = 90, .activation = relu},
                       Dense{.units = 10, .activation = softmax},
                   }};
  model.compile(
      {.optimizer = RMSprop{.learning_rate = 1e-3}, .loss = CategoricalCrossentropy{}, .metrics = {Accuracy{}}});
  Progress progress;  // a bar, and a line for each epoch
  const History history =
      model.fit(train, {.epochs = 5, .batch_size = 200, .validation_data = test, .callbacks = {&progress}});
  std::cout << "trained in " << history.seconds << " s, reads " << 100 * history.at("val_accuracy").back()
            << " % of the test images right\n";
  model.save("digits.keras");

  const Sequential served = Sequential::load("digits.keras");
  const Tensor probabilities = served.predict(test.images().first(1));  // const: from any thread
  for (int digit = 0; digit < 10; ++digit) std::cout << digit << ": " << probabilities[digit] << "\n";
}
