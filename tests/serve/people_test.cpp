#include <algorithm>
#include <atomic>
#include <filesystem>

#include "formats/image.hpp"
#include "serve/served.hpp"
#include "support/image_bytes.hpp"

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

TEST_F(People, PicturesOfAnyFormatAreSeenUpright) {
  Served served(options);
  // A dark picture with a bright left half; lying on its side in the file where the orientation says so.
  Image image{28, 28, 1, std::vector<std::uint8_t>(28 * 28, 0)};
  Image lying = image;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = i % 28 >= 2 && i % 28 < 12 ? 255 : 0;
    lying.pixels[i] = i / 28 >= 16 && i / 28 < 26 ? 255 : 0;
  }
  const auto class_from = [&](const test::ImageBytes& bytes) {
    return class_of(served.ask("POST", "/predict?model=sides", std::string(bytes.begin(), bytes.end())));
  };
  EXPECT_EQ(class_from(test::tiff_bytes(image)), "left");
  EXPECT_EQ(class_from(test::jpeg_bytes(lying, test::exif_bytes(6))), "left");
  EXPECT_EQ(class_from(test::jpeg_bytes(lying, test::exif_bytes(8))), "right");
}

TEST_F(People, PicturesBeyondTheLimitAreReducedOrRefused) {
  options.max_pixels = 40 * 40;
  Served served(options);
  EXPECT_EQ(served.ask("POST", "/predict?model=sides", png(40, 40, 2, 18)).status, 200);
  const Reply refused = served.ask("POST", "/predict?model=sides", png(41, 40, 2, 18));
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.error().find("41 x 40 pixels; up to 16,384 a side and 1,600 in all"), std::string::npos)
      << refused.error();
  Image image{80, 80, 1, std::vector<std::uint8_t>(6400)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = i % 80 >= 6 && i % 80 < 34 ? 255 : 0;
  const auto jpeg = test::jpeg_bytes(image);
  const Reply reduced = served.ask("POST", "/predict?model=sides&center=false", std::string(jpeg.begin(), jpeg.end()));
  EXPECT_EQ(class_of(reduced), "left") << reduced.body;
  EXPECT_NE(reduced.body.find("\"remark\": \"read at 1/2 of its size"), std::string::npos) << reduced.body;
}

// With one compute thread and no time for grace: what waits is told so, nothing is waited for.
TEST_F(People, PicturesThatWaitAreDroppedWhenTheGraceIsOver) {
  options.compute_threads = 1;
  options.grace_seconds = 0;
  Served served(options);
  constexpr int clients_at_once = 30;
  const std::string large = png(2500, 2500, 100, 900);
  std::atomic<int> answered{0}, dropped{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < clients_at_once; ++i) {
    clients.emplace_back([&, client = std::make_shared<Client>(served.port())] {
      const Reply reply = client->ask("POST", "/predict?model=sides", large);
      ++(reply.status == 200 ? answered : dropped);
    });
  }
  while (served.ask("GET", "/metrics").body.find("gradus_requests_in_flight " + std::to_string(clients_at_once + 1)) ==
             std::string::npos &&
         answered < clients_at_once / 3) {
  }
  served.stop();
  for (std::thread& client : clients) client.join();
  EXPECT_GT(dropped, clients_at_once / 3);
}

TEST_F(People, AQueryNamesAVersionAndNothingElseIsPassedOver) {
  for (const int version : {1, 2}) {
    std::filesystem::create_directories(directory.path() / "m" / std::to_string(version));
    doubling_model(1, static_cast<float>(version)).save(directory / ("m/" + std::to_string(version) + "/m.keras"));
  }
  directory.write("m/labels.json", R"({"stable": 1})");
  options.models.push_back(directory / "m");
  Served served(options);
  const auto expect = [&](const std::string& path, int status, const std::string& words) {
    const Reply reply = served.ask("POST", path, path.starts_with("/predict") ? "0\n" : R"({"instances": [0]})");
    EXPECT_EQ(reply.status, status) << path;
    EXPECT_NE(reply.body.find(words), std::string::npos) << path << ": " << reply.body;
  };
  expect("/predict?model=m", 200, "\"values\": [2.0]");
  expect("/predict?model=m&version=1", 200, "\"values\": [1.0]");
  expect("/predict?version=2&model=m", 200, "\"values\": [2.0]");
  expect("/predict?model=m&label=stable", 200, "\"values\": [1.0]");
  expect("/predict?model=m&version=3", 404, "versions served: 2, 1");
  expect("/predict?model=m&label=canary", 400, "Unrecognized servable version label");
  expect("/predict?model=m&version=1&label=stable", 400, "either a version or a label");
  expect("/predict?model=m&version=one", 400, "version must be a whole number, got 'one'");
  expect("/predict?model=m&vesion=1", 400,
         "no query parameter 'vesion'; did you mean 'version'?; there is model, version, label, invert, center");
  expect("/predict?model=m&model=sides", 400, "'model' is there twice");
  const Reply center = served.ask("POST", "/predict?model=sides&center=0", png(28, 28, 2, 12));
  EXPECT_NE(center.error().find("center must be true or false"), std::string::npos) << center.body;
  expect("/v1/models/m:predict?version=1", 400, "stands in the path, as in /v1/models/NAME/versions/1:predict");
  expect("/v2/models/m/infer?version=1", 400, "stands in the path, as in /v2/models/NAME/versions/1/infer");
  EXPECT_EQ(served.ask("GET", "/healthz?t=1").status, 200);
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

TEST_F(People, ClassesOrNumbersAsTheModelEnds) {
  const auto serve = [&](Activation activation, const std::optional<Loss>& loss) {
    Sequential model({1}, {Dense{.units = 1, .activation = activation, .use_bias = false}});
    model.set_weight(0, Tensor({1, 1}, {1}));
    if (loss) model.compile({SGD{}, *loss, {}});
    model.save(directory / "m.keras");
    options.models = {directory / "m.keras"};
    Served served(options);
    const std::string gives = served.ask("GET", "/models").body;
    const std::string answer = served.ask("POST", "/predict", "0.3\n").body;
    EXPECT_EQ(gives.find("\"gives\": \"classes\"") != std::string::npos,
              answer.find("\"class\": ") != std::string::npos)
        << gives << answer;
    return answer;
  };
  EXPECT_NE(serve(linear, std::nullopt).find("\"values\": [0.3]"), std::string::npos);
  // The sum is 0.3, the probability 1 / (1 + e^-0.3).
  const std::string sums = serve(linear, BinaryCrossentropy{.from_logits = true});
  EXPECT_NE(sums.find("\"class\": \"1\", \"probability\": 0.574"), std::string::npos) << sums;
  const std::string other = serve(tanh, std::nullopt);
  EXPECT_NE(other.find("\"class\": \"0\", \"score\": 0.291"), std::string::npos) << "tanh 0.3: " << other;
  EXPECT_EQ(other.find("probabilit"), std::string::npos) << other;
  EXPECT_NE(serve(log_softmax, std::nullopt).find("\"probabilities\": "), std::string::npos);
}

TEST_F(People, OutputsThatAreNotFiniteNameNoClass) {
  Sequential model({2}, {Dense{.units = 2, .activation = relu}});
  model.set_weight(0, Tensor({2, 2}, {1e38F, 0, 0, 0}));  // the first output grows beyond what a float holds
  model.save(directory / "m.keras");
  options.models = {directory / "m.keras"};
  Served served(options);
  const Reply reply = served.ask("POST", "/predict", "100,1\n");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_NE(
      reply.body.find("{\"class\": null, \"values\": [null, 0.0], \"error\": \"the model's outputs are not finite"),
      std::string::npos)
      << reply.body;
  EXPECT_EQ(reply.body.find("NaN"), std::string::npos) << reply.body;
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
  expect("/predict?model=sides", "GIF89a", 400, "the picture: a damaged GIF image");
  expect("/predict?model=sides", "no picture", 400,
         "takes pictures (PNG, JPEG, WebP, BMP, TIFF, GIF), or rows of 784 numbers");
  const Reply form =
      served.ask("POST", "/predict?model=sides", "--x\r\n", "Content-Type: multipart/form-data; boundary=x\r\n");
  EXPECT_EQ(form.status, 400);
  EXPECT_NE(form.error().find("send the file itself"), std::string::npos) << form.body;
  expect("/predict?model=sides&invert=maybe", png(28, 28, 2, 12), 400, "invert must be true or false");
}

/// A model that learnt from a table with words and gaps, served as "shop".
class Table : public ::testing::Test {
 protected:
  TemporaryDirectory directory;
  ServeOptions options;
  Table() {
    datasets::CsvOptions read;
    read.missing = "mean";
    const Dataset set = datasets::csv(
        directory.write("shop.csv",
                        "age,colour,id number,label\n10,red,1,no\n20,blue,2,yes\n,red,3,no\n30,blue,4,yes\n"),
        read);
    Sequential model{{4}, {Dense{.units = 2, .activation = softmax}}};
    model.compile({SGD{}, SparseCategoricalCrossentropy{}, {}});
    model.fit(set, {.epochs = 1});
    // Logits of (age - 0, 20 where blue): what is asked can be read off the answer.
    model.set_weight(0, Tensor({4, 2}, {0, 0.1f, 2, 0, 0, 0, 0, 0}));
    model.set_weight(1, Tensor({2}));
    model.save(directory / "shop.keras");
    options.models = {directory / "shop.keras"};
  }
};

TEST_F(Table, RowsByTheNamesOfTheirColumns) {
  Served served(options);
  const std::string right = served.ask("POST", "/predict", "age,colour,id number\n30,blue,1\n").body;
  EXPECT_NE(right.find("\"class\": \""), std::string::npos) << right;
  EXPECT_NE(right.find("\"yes\": "), std::string::npos) << right;
  // The same row, however it is sent: columns in another order, the label with it, by position, as an object.
  for (const char* body :
       {"colour,id number,age\nblue,1,30\n", "age,colour,id number,label\n30,blue,1,no\n", "30,blue,1\n", "30;blue;1\n",
        "30.0,blue,1,yes", R"({"age": 30, "colour": "blue", "id number": 1})",
        R"([{"id number": "1", "colour": "blue", "age": 3e1, "label": null}])"}) {
    const Reply reply = served.ask("POST", "/predict", body);
    EXPECT_EQ(reply.status, 200) << body << reply.body;
    EXPECT_EQ(reply.body, right) << body;
  }
  // What is missing is filled as in training: 20 is the mean age.
  const std::string filled = served.ask("POST", "/predict", R"({"age": null, "colour": "red", "id number": 1})").body;
  const std::string mean = served.ask("POST", "/predict", R"({"age": 20, "colour": "red", "id number": 1})").body;
  EXPECT_EQ(filled.substr(0, filled.find(", \"remark\"")), mean.substr(0, mean.rfind('}')));
  EXPECT_NE(filled.find("column 'age': the value is missing; the mean of training takes its place"), std::string::npos);
  EXPECT_NE(filled, right);
  const Reply several = served.ask("POST", "/predict", R"([{"age": 30, "colour": "blue", "id number": 1},
      {"age": 20, "colour": "red", "id number": 1}])");
  EXPECT_EQ(several.json().find("predictions")->get_if<Value::List>()->size(), 2u);
  // A word that training did not know is said.
  const Reply unknown = served.ask("POST", "/predict", R"({"age": 30, "colour": "bleu", "id number": 1})");
  EXPECT_EQ(unknown.status, 200);
  EXPECT_NE(unknown.body.find("did you mean 'blue'"), std::string::npos) << unknown.body;
}

TEST_F(Table, FaultsHaveSentences) {
  Served served(options);
  const std::pair<const char*, const char*> cases[] = {
      {R"({"age": 30, "color": "blue", "id number": 1})",
       "body:1: the model knows no column 'color'; did you mean 'colour'"},
      {R"({"age": 30, "colour": "blue"})", "body:1: column 'id number' is missing"},
      {R"([{"age": 30, "colour": "blue", "id number": 1}, 7])", "body:2: expected an object"},
      {R"({"age": "old", "colour": "blue", "id number": 1})", "column 'age': 'old' is not a number"},
      {R"({"age": [30], "colour": "blue", "id number": 1})", "column 'age': expected a number or a text, got a list"},
      {R"({"age": 1e60, "colour": "blue", "id number": 1})", "too large for a 32-bit float"},
      {R"({"age": 1, "age": 2, "colour": "blue", "id number": 1})", "column 'age' is there twice"},
      {R"({"age": 1)", "body:1"},
      {"[]", "no rows"},
      {"30,blue\n", "2 fields, expected 4, or one fewer without the label"},
      {"age,colour\n30,blue\n", "there is no column 'id number'"},
  };
  for (const auto& [body, words] : cases) {
    const Reply reply = served.ask("POST", "/predict", body);
    EXPECT_EQ(reply.status, 400) << body << reply.body;
    EXPECT_NE(reply.error().find(words), std::string::npos) << body << "\n" << reply.body;
  }
}

// Each row is read once, however many columns there are and however they are ordered.
TEST_F(Table, WideRowsAsObjects) {
  constexpr int columns = 1500, rows = 40;
  std::string csv, row = "{", reversed = "}";
  for (int c = 0; c < columns; ++c) {
    const std::string name = "column " + std::to_string(c);
    csv += name + ",";
    row += (c > 0 ? ", \"" : "\"") + name + "\": " + std::to_string(c % 7);
    reversed = (c + 1 < columns ? ", \"" : "\"") + name + "\": " + std::to_string(c % 7) + reversed;
  }
  csv += "label\n";
  for (int r = 0; r < 4; ++r) {
    for (int c = 0; c < columns; ++c) csv += std::to_string((c + r) % 5) + ",";
    csv += std::to_string(r % 2) + "\n";
  }
  const Dataset set = datasets::csv(directory.write("wide.csv", csv));
  Sequential model{{columns}, {Dense{.units = 2, .activation = softmax}}};
  model.compile({SGD{}, SparseCategoricalCrossentropy{}, {}});
  model.fit(set, {.epochs = 1});
  model.save(directory / "wide.keras");
  options.models = {directory / "wide.keras"};
  Served served(options);
  const std::string one = served.ask("POST", "/predict", row + "}").body;
  EXPECT_NE(one.find("\"class\": \""), std::string::npos) << one;
  std::string all = "[" + row + "}";
  for (int r = 1; r < rows; ++r) all += ",\n{" + reversed;
  const Reply reply = served.ask("POST", "/predict", all + "]");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Value answer = reply.json();
  const auto& predictions = *answer.find("predictions")->get_if<Value::List>();
  ASSERT_EQ(predictions.size(), static_cast<std::size_t>(rows));
  for (const Value& each : predictions) EXPECT_EQ(each, predictions[0]);
}

TEST_F(Table, TextsWithQuotesAreWords) {
  Served served(options);
  const Reply reply = served.ask("POST", "/predict", R"({"age": 30, "colour": "\"\"b\"", "id number": 1})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find(R"(\"\"b\")"), std::string::npos) << reply.body;
}

TEST_F(Table, ThePageLearnsItsColumns) {
  Served served(options);
  const std::string models = served.ask("GET", "/models").body;
  EXPECT_NE(
      models.find(R"("columns": [{"name": "age", "may_be_missing": true}, )"
                  R"({"name": "colour", "words": ["red", "blue"], "may_be_missing": true}, {"name": "id number")"),
      std::string::npos)
      << models;
}

// A model that learnt from a folder of pictures gets a picture as those were: resized, neither inverted nor centred.
TEST_F(People, PicturesForAModelOfResizedOnes) {
  Sequential sides = Sequential::load(directory / "sides.keras");
  sides.set_preparation("resized");
  sides.save(directory / "sides.keras");
  Served served(options);
  // A bright picture with a dark right half: MNIST's preparation would swap dark and bright.
  Image image{56, 56, 1, std::vector<std::uint8_t>(56 * 56)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = i % 56 < 28 ? 255 : 40;
  const std::vector<std::uint8_t> bytes = encode_png(image);
  const std::string body(bytes.begin(), bytes.end());
  const Reply reply = served.ask("POST", "/predict?model=sides", body);
  EXPECT_EQ(class_of(reply), "left") << reply.body;
  EXPECT_NE(reply.body.find("\"remark\": \"resized from 56x56\""), std::string::npos) << reply.body;
  EXPECT_EQ(class_of(served.ask("POST", "/predict?model=sides&invert=true&center=false", body)), "right");
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
