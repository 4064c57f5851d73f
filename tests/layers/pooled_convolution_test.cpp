// Which convolutions are computed together with the maximum above them.
#include <gtest/gtest.h>

#include "layers/stack.hpp"

namespace gradus::test {
namespace {

/// How many functions a pass through these layers runs.
std::size_t functions(const std::vector<Layer>& layers, bool training, Shape shape = {12, 12, 6}) {
  std::vector<std::unique_ptr<LayerFunction>> bound, made;
  std::vector<const LayerFunction*> stack;
  for (const Layer& layer : layers) {
    bound.push_back(LayerRegistry::instance().find(layer.class_name()).maker.bind(layer, shape));
    stack.push_back(bound.back().get());
    shape = bound.back()->output_shape();
  }
  const std::vector<StackedFunction> run = functions_of(stack, training, made);
  EXPECT_EQ(run.back().function->output_shape(), shape);
  EXPECT_EQ(run.front().layer, 0U);
  return run.size();
}

TEST(PooledConvolution, JoinsWindowsThatDoNotOverlap) {
  const Layer convolution = Conv2D{.filters = 16, .kernel_size = 5, .activation = relu};
  for (const bool training : {false, true}) {
    EXPECT_EQ(functions({convolution, MaxPooling2D{}}, training), 1U);
    EXPECT_EQ(functions({convolution, MaxPooling2D{.pool_size = 2, .strides = Size2D{3}}}, training), 1U);
    EXPECT_EQ(functions({convolution, GlobalMaxPooling2D{}}, training), 1U);
    EXPECT_EQ(functions({convolution, MaxPooling2D{.pool_size = 3, .strides = Size2D{2}}}, training), 2U);
    EXPECT_EQ(functions({convolution, AveragePooling2D{}}, training), 2U);
    EXPECT_EQ(functions({convolution, Dropout{}, MaxPooling2D{}}, training), training ? 3U : 2U);
    EXPECT_EQ(functions({convolution, MaxPooling2D{}, MaxPooling2D{}}, training), 2U);
  }
}

TEST(PooledConvolution, LeavesAloneWhatNeedsAllOutputs) {
  for (const bool training : {false, true}) {
    EXPECT_EQ(functions({Conv2D{.filters = 4, .kernel_size = 3, .activation = softmax}, MaxPooling2D{}}, training), 2U);
    EXPECT_EQ(
        functions({Conv2D{.filters = 4, .kernel_size = 3, .activity_regularizer = L2{}}, MaxPooling2D{}}, training),
        2U);
    EXPECT_EQ(functions({Conv2D{.filters = 6, .kernel_size = 3, .groups = 3}, MaxPooling2D{}}, training), 2U);
    EXPECT_EQ(functions({Conv2D{.filters = 4, .kernel_size = 3, .dilation_rate = 2}, MaxPooling2D{}}, training), 2U);
  }
  const Layer smooth = Conv2D{.filters = 4, .kernel_size = 3, .activation = gelu};
  EXPECT_EQ(functions({smooth, MaxPooling2D{}}, false), 1U);
  EXPECT_EQ(functions({smooth, MaxPooling2D{}}, true), 3U);
}

}  // namespace
}  // namespace gradus::test
