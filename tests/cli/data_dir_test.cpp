#include <gtest/gtest.h>

#include <filesystem>

#include "cli/program.hpp"

namespace gradus::test {
namespace {

TEST(DataDirectories, AreSearchedForRelativeFiles) {
  const TemporaryDirectory here, there;
  there.write("rows.csv", "0,1,a\n1,0,b\n");
  RunOptions options = in(here);
  options.variables["GRADUS_DATA_DIR"] = "/nowhere:" + there.path().string();
  const Finished found = run(gradus({"data", "info", "rows.csv", "--json"}), options);
  ASSERT_EQ(found.status, 0) << found.err;
  EXPECT_EQ(number(at(at(json_of(found), "train"), "samples")), 2);
  // What lies here comes first.
  here.write("rows.csv", "0,1,a\n1,0,b\n1,1,b\n");
  EXPECT_EQ(number(at(at(json_of(run(gradus({"data", "info", "rows.csv", "--json"}), options)), "train"), "samples")),
            3);
  expect_refusal(run(gradus({"data", "info", "other.csv"}), options), 3, "other.csv");
}

// A directory that holds mnist/ is as good as mnist/ itself, for MNIST and for what else lies there.
TEST(DataDirectories, HoldFoldersOfTheNamedSets) {
  const TemporaryDirectory here, there;
  std::filesystem::create_directories(there.path() / "mnist");
  std::filesystem::create_directories(there.path() / "other");
  there.write("mnist/hundred.csv", "0,1,a\n1,0,b\n");
  there.write("other/rows.csv", "0,1,a\n1,0,b\n");
  for (const std::string& directory : {there.path().string(), there / "mnist"}) {
    RunOptions options = in(here);
    options.variables["GRADUS_DATA_DIR"] = directory;
    const Finished found = run(gradus({"data", "info", "hundred.csv", "--json"}), options);
    EXPECT_EQ(found.status, 0) << directory << ": " << found.err;
    expect_refusal(run(gradus({"data", "info", "rows.csv"}), options), 3, "rows.csv");
  }
}

}  // namespace
}  // namespace gradus::test
