#include <cstdio>

int main() {
  std::puts("gradus " GRADUS_VERSION);
  return 0;
}
