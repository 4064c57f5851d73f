// Runs a few steps of one workload on one core, between two marks that valgrind knows by their names;
// instructions_test.sh counts the instructions in between.
#include <sched.h>

#include <cstdio>
#include <cstring>
#include <exception>

#include "kernels/kernels.hpp"
#include "performance/workloads.hpp"

// Two functions with different bodies, or the compiler would make one of them.
extern "C" {
[[gnu::noinline]] void gradus_counting_begins() { asm volatile("# begins"); }
[[gnu::noinline]] void gradus_counting_ends() { asm volatile("# ends"); }
}

namespace gradus::test {
namespace {

constexpr int not_here = 3;

struct Count {
  const char* name;
  std::int64_t warm_up, steps;  ///< counting begins after the steps of the warm-up
  std::int64_t rows;            ///< of a step
};
// Few, and the largest with fewer rows than in `gradus bench`: valgrind takes a hundred times as long, and its
// multiply-adds a thousand times.
constexpr Count counts[] = {{"sample-sgd", 20, 100, 1}, {"sigmoid-sample", 20, 100, 1}, {"keras-mlp", 1, 2, 200},
                            {"minibatch", 1, 1, 1000},  {"mid-mlp", 0, 1, 128},         {"wide-mlp", 0, 1, 16},
                            {"lenet5", 0, 1, 64},       {"convnet", 0, 1, 16},          {"predict-1", 20, 100, 1},
                            {"predict-10k", 1, 1, 2000}};

class Marks : public Callback {
 public:
  explicit Marks(const Count& count) : count_(count) {}
  void on_epoch_begin(const TrainingState&) override { mark(); }
  bool on_batch_end(const TrainingState&) override {
    ++done_;
    mark();
    return done_ < count_.warm_up + count_.steps;
  }

 private:
  void mark() const {
    if (done_ == count_.warm_up) gradus_counting_begins();
    if (done_ == count_.warm_up + count_.steps) gradus_counting_ends();
  }

  Count count_;
  std::int64_t done_ = 0;
};

void predict(const Count& count) {
  const Sequential model = predictor();
  const Dataset data = inked(count.rows);
  std::vector<Real> outputs(static_cast<std::size_t>(count.rows * 10));
  const TensorView inputs = data.inputs();
  for (std::int64_t i = 0; i < count.warm_up; ++i) model.predict_into(inputs, outputs);
  gradus_counting_begins();
  for (std::int64_t i = 0; i < count.steps; ++i) model.predict_into(inputs, outputs);
  gradus_counting_ends();
}

void train(const Count& count) {
  for (const Training& training : trainings()) {
    if (training.name != count.name) continue;
    Sequential model = training.model();
    Marks marks(count);
    const Dataset data = inked((count.warm_up + count.steps) * count.rows).with_one_hot(training.one_hot);
    model.fit(data, {.epochs = 1, .batch_size = count.rows, .threads = 1, .callbacks = {&marks}});
  }
}

// The first core that this process may use, so that prediction, too, starts no threads: their waiting cannot be
// counted.
void keep_to_one_core() {
  cpu_set_t all, one;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  sched_setaffinity(0, sizeof one, &one);
}

int run(const char* name, const char* target) {
  keep_to_one_core();
  if (!kernels::force_target(target)) {
    std::fprintf(stderr, "this machine has no %s\n", target);
    return not_here;
  }
  for (const Count& count : counts) {
    if (std::strcmp(count.name, name) != 0) continue;
    if (std::strncmp(name, "predict", 7) == 0) {
      predict(count);
    } else {
      train(count);
    }
    return 0;
  }
  std::fprintf(stderr, "there is no workload '%s'\n", name);
  return 2;
}

// Each workload with the number of steps between the marks and the rows of a step.
int list() {
  for (const Count& count : counts) {
    std::printf("%s %lld %lld\n", count.name, static_cast<long long>(count.steps), static_cast<long long>(count.rows));
  }
  return 0;
}

// What figures depend on, in words without spaces.
int build() {
#if defined(__clang__)
  std::printf("clang-%d", __clang_major__);
#else
  std::printf("gcc-%d", __GNUC__);
#endif
#ifdef __OPTIMIZE__
  std::printf("-optimized\n");
#else
  std::printf("-unoptimized\n");
#endif
  return 0;
}

}  // namespace
}  // namespace gradus::test

int main(int count, char** words) {
  try {
    if (count == 2 && std::strcmp(words[1], "--list") == 0) return gradus::test::list();
    if (count == 2 && std::strcmp(words[1], "--build") == 0) return gradus::test::build();
    if (count == 3) return gradus::test::run(words[1], words[2]);
    std::fprintf(stderr, "usage: %s NAME TARGET | --list | --build\n", words[0]);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
