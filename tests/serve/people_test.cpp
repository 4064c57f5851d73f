#include <algorithm>

#include "formats/image.hpp"
#include "serve/served.hpp"

namespace gradus::test {
namespace {

/// 28x28 pictures: "left" where the left half is brighter, else "right"; and rows of three numbers.
class People : public ::testing::Test {
 protected:
  TemporaryDirectory directory;
  ServeOptions options;
  People() {
    Sequential sides{{28, 28, 1}, {Flatten{}, Dense{.units = 2, .activation = softmax}}};
    Tensor kernel({784, 2});
    for (std::size_t i = 0; i < 784; ++i) kernel.values()[2 * i + (i % 28 < 14 ? 0 : 1)] = 1.0f / 2550;
    sides.set_weight(0, kernel);
    sides.set_class_names({"left", "right"});
    sides.save(directory / "sides.keras");
    doubling_model(3).save(directory / "three.keras");
    options.models = {directory / "sides.keras", directory / "three.keras"};
  }
  static std::string png(std::int64_t width, std::int64_t height, std::int64_t bright_from, std::int64_t bright_to) {
    Image image{width, height, 1, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height))};
    for (std::int64_t y = 1; y + 1 < height; ++y) {
      for (std::int64_t x = bright_from; x < bright_to; ++x)
        image.pixels[static_cast<std::size_t>(y * width + x)] = 255;
    }
    const std::vector<std::uint8_t> bytes = encode_png(image);
    return {bytes.begin(), bytes.end()};
  }
  static std::string class_of(const Reply& reply) {
    const Value answer = reply.json();
    return *(*answer.find("predictions")->get_if<Value::List>())[0].find("class")->get_if<std::string>();
  }
};

TEST_F(People, PicturesGiveNamesAndProbabilities) {
  Served served(options);
  const Reply left = served.ask("POST", "/predict?model=sides", png(28, 28, 2, 12));
  ASSERT_EQ(left.status, 200) << left.body;
  EXPECT_EQ(class_of(left), "left");
  EXPECT_EQ(class_of(served.ask("POST", "/predict?model=sides", png(28, 28, 16, 26))), "right");
  const Value answer = left.json();
  EXPECT_EQ(*answer.find("version"), Value("1"));
  const Value& prediction = (*answer.find("predictions")->get_if<Value::List>())[0];
  EXPECT_NEAR(*prediction.find("probabilities")->find("left")->get_if<double>() +
                  *prediction.find("probabilities")->find("right")->get_if<double>(),
              1, 1e-6);
  // Larger ones are cut out and centred, as `gradus predict` does, and it is said.
  const Reply large = served.ask("POST", "/predict?model=sides", png(200, 100, 10, 60));
  EXPECT_EQ(large.status, 200);
  EXPECT_NE(large.body.find("cut out of 200x100 and centred"), std::string::npos) << large.body;
  const Reply resized = served.ask("POST", "/predict?model=sides&center=false", png(200, 100, 10, 60));
  EXPECT_EQ(class_of(resized), "left");
}

TEST_F(People, RowsGiveNumbers) {
  Served served(options);
  for (const char* body : {"1,2,3\n", "1,2,3", "a,b,c\n1,2,3\n", "1;2;3\r\n"}) {
    const Reply reply = served.ask("POST", "/predict?model=three", body);
    EXPECT_EQ(reply.status, 200) << body;
    EXPECT_NE(reply.body.find("[{\"values\": [3.0, 5.0, 7.0]}]"), std::string::npos) << body << reply.body;
  }
  EXPECT_NE(served.ask("POST", "/predict?model=three", "1,2,3\n4,5,6\n").body.find("[9.0, 11.0, 13.0]"),
            std::string::npos);
}

TEST_F(People, EveryFaultHasItsSentence) {
  Served served(options);
  const auto expect = [&](const std::string& path, const std::string& body, int status, const std::string& words) {
    const Reply reply = served.ask("POST", path, body);
    EXPECT_EQ(reply.status, status) << body;
    EXPECT_NE(reply.error().find(words), std::string::npos) << reply.body;
  };
  expect("/predict", "1,2,3", 400, "which model? Add ?model=NAME; there is 'sides', 'three'");
  expect("/predict?model=none", "1,2,3", 404, "Latest(none)");
  expect("/predict?model=three", "1,2\n", 400, "body:1: 2 columns, but the model takes 3");
  expect("/predict?model=three", "1,2,x\n", 400, "is not a number");
  expect("/predict?model=three", "1,2,3\n4,,6\n", 400, "body:2: column");
  expect("/predict?model=three", "1,2,1e39\n", 400, "is not a number");
  expect("/predict?model=three", "", 400, "");
  expect("/predict?model=three", png(28, 28, 2, 12), 400, "takes rows of 3 numbers, not pictures");
  expect("/predict?model=sides", png(28, 28, 2, 12).substr(0, 60), 400, "the picture");
  expect("/predict?model=sides&invert=maybe", png(28, 28, 2, 12), 400, "invert must be true or false");
}

TEST_F(People, ThePageAndWhatItNeeds) {
  Served served(options);
  const Reply page = served.ask("GET", "/");
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(page.header("Content-Security-Policy").find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(page.body.find("http://"), std::string::npos);  // it loads nothing from elsewhere
  EXPECT_EQ(page.body.find("https://"), std::string::npos);
  EXPECT_NE(page.body.find("</html>"), std::string::npos);
  const Value models = served.ask("GET", "/models").json();
  const auto& list = *models.find("models")->get_if<Value::List>();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(*list[0].find("takes"), Value("image"));
  EXPECT_EQ(*list[0].find("gives"), Value("classes"));
  EXPECT_EQ(*list[1].find("takes"), Value("row"));
  EXPECT_EQ(*list[1].find("gives"), Value("values"));
  EXPECT_EQ(served.ask("POST", "/").status, 405);
}

TEST_F(People, TheDescriptionNamesPathsThatAreThere) {
  Served served(options);
  const Value description = served.ask("GET", "/openapi.json").json();
  EXPECT_EQ(*description.find("info")->find("version"), Value("0.1.0"));
  for (const auto& [path, methods] : *description.find("paths")->get_if<Value::Object>()) {
    if (methods.find("get") == nullptr) continue;
    std::string real = path;
    for (const auto& [name, value] : {std::pair("{model}", "three"), std::pair("{version}", "1")}) {
      const std::size_t at = real.find(name);
      if (at != std::string::npos) real.replace(at, std::string(name).size(), value);
    }
    if (real.find('{') != std::string::npos) continue;
    EXPECT_EQ(served.ask("GET", real).status, 200) << real;
  }
}

}  // namespace
}  // namespace gradus::test
