// The matrix product: register tiles over rows of A and vectors of B's columns (the outer loops of Goto, van de Geijn
// 2008; the tile as in BLIS, Van Zee, van de Geijn 2015). A is never copied; B is, where its rows lie far apart.
#include <algorithm>
#include <array>
#include <utility>

#include "kernels/multiply.hpp"
#include "kernels/scratch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// Rows of a register tile: what the registers hold beside two vectors of B and one of A.
#if HWY_TARGET <= HWY_AVX3
constexpr int tile_rows = 14;
#elif HWY_TARGET <= HWY_AVX2
constexpr int tile_rows = 6;
#else
constexpr int tile_rows = 5;
#endif
constexpr int tile_vectors = 2;
// Rows of B that one packed panel holds: with a tile's rows of A they fit the second-level cache many times over.
constexpr std::int64_t panel_depth = 512;
// Panels that are packed together.
constexpr std::int64_t group_panels = 4;

struct Tile {
  const float* HWY_RESTRICT a;
  std::int64_t a_row, a_col;
  const float* HWY_RESTRICT b;
  std::int64_t b_row;
  float* HWY_RESTRICT c;
  std::int64_t c_row;
  std::int64_t depth;
  const float* add;
  bool load_c, relu;
  std::int64_t columns;  // to be stored; the last vector may be cut
};

template <int Rows, int Vectors>
HWY_INLINE void store_tile(const Tile& t, const V (&sum)[Rows][Vectors]) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V zero = hn::Zero(d);
  for (int v = 0; v < Vectors; ++v) {
    const V add = t.add != nullptr ? load_columns(t.add + v * lanes, t.columns - v * lanes) : zero;
    for (int r = 0; r < Rows; ++r) {
      V y = sum[r][v];
      if (t.add != nullptr) y = hn::Add(y, add);
      if (t.relu) y = hn::Max(zero, y);
      store_columns(y, t.c + r * t.c_row + v * lanes, t.columns - v * lanes);
    }
  }
}

template <int Rows, int Vectors>
void compute_tile(const Tile& t) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[Rows][Vectors];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Zero(d);
  }
  if (t.load_c) {
    for (int r = 0; r < Rows; ++r) {
      for (int v = 0; v < Vectors; ++v) sum[r][v] = load_columns(t.c + r * t.c_row + v * lanes, t.columns - v * lanes);
    }
  }
  const float* HWY_RESTRICT a = t.a;
  const float* HWY_RESTRICT b = t.b;
  const std::int64_t a_row = t.a_row, a_col = t.a_col, b_row = t.b_row;
  for (std::int64_t k = 0; k < t.depth; ++k) {
    V row[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) row[v] = hn::LoadU(d, b + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const V x = hn::Set(d, a[r * a_row]);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(x, row[v], sum[r][v]);
    }
    a += a_col;
    b += b_row;
  }
  store_tile<Rows, Vectors>(t, sum);
}

// A single row, each sum in several chains of additions.
template <int Vectors>
void compute_row_in_chains(const Tile& t) {
  constexpr int chains = Vectors <= 2 ? 4 : 2;
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[chains][Vectors];
#pragma GCC unroll 4
  for (int c = 0; c < chains; ++c) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sum[c][v] = hn::Zero(d);
  }
  const float* HWY_RESTRICT a = t.a;
  const float* HWY_RESTRICT b = t.b;
  const std::int64_t a_col = t.a_col, b_row = t.b_row;
  const auto add_next = [&](V(&to)[Vectors]) HWY_ATTR {
    const V x = hn::Set(d, *a);
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) to[v] = hn::MulAdd(x, hn::LoadU(d, b + v * lanes), to[v]);
    a += a_col, b += b_row;
  };
  std::int64_t k = 0;
  for (; k + chains <= t.depth; k += chains) {
#pragma GCC unroll 4
    for (int c = 0; c < chains; ++c) add_next(sum[c]);
  }
  for (; k < t.depth; ++k) add_next(sum[0]);
  V total[1][Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    if constexpr (chains == 4) {
      total[0][v] = hn::Add(hn::Add(sum[0][v], sum[1][v]), hn::Add(sum[2][v], sum[3][v]));
    } else {
      total[0][v] = hn::Add(sum[0][v], sum[1][v]);
    }
  }
  store_tile<1, Vectors>(t, total);
}

using TileFunction = void (*)(const Tile&);
template <int Vectors, int... Rows>
constexpr std::array<TileFunction, sizeof...(Rows)> tile_functions(std::integer_sequence<int, Rows...>) {
  return {&compute_tile<Rows + 1, Vectors>...};
}
constexpr auto wide_tiles = tile_functions<tile_vectors>(std::make_integer_sequence<int, tile_rows>());
constexpr auto narrow_tiles = tile_functions<1>(std::make_integer_sequence<int, tile_rows>());

// panels[v][k][0, width) = B[k][first + v * width, ...), zeros where B has no more columns: row after row of B, so that
// memory is read in long pieces.
void pack_rows(const Product& p, std::int64_t k0, std::int64_t depth, std::int64_t first, std::int64_t count,
               std::int64_t width, float* HWY_RESTRICT panels) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t have = p.n - first;
  const float* b = p.b + k0 * p.b_row + first;
  for (std::int64_t k = 0; k < depth; ++k, b += p.b_row) {
    for (std::int64_t j = 0; j < count * width; j += lanes) {
      hn::StoreU(load_columns(b + j, have - j), d, panels + (j / width * depth + k) * width + j % width);
    }
  }
}

// `count` panels from column `first` on.
void pack_group(const Product& p, std::int64_t k0, std::int64_t depth, std::int64_t first, std::int64_t count,
                float* HWY_RESTRICT panels) {
  const std::int64_t width = tile_vectors * static_cast<std::int64_t>(hn::Lanes(D()));
  if (p.b_col == 1) {
    pack_rows(p, k0, depth, first, count, width, panels);
    return;
  }
  for (std::int64_t v = 0; v < count; ++v) {
    const std::int64_t column = first + v * width;
    transpose(p.b + column * p.b_col + k0, p.b_col, std::min(width, p.n - column), depth, width,
              panels + v * depth * width, width);
  }
}

// All rows of C for the columns [first, first + vectors * lanes) and one stretch of k.
void compute_panel(const Product& p, Tile t, std::int64_t vectors, std::int64_t k0) {
  const auto& functions = vectors == tile_vectors ? wide_tiles : narrow_tiles;
  const std::int64_t tiles = (p.m + tile_rows - 1) / tile_rows;
  std::int64_t begin = 0;
  float* c = t.c;
  for (std::int64_t i = 0; i < tiles; ++i) {
    const std::int64_t end = p.m * (i + 1) / tiles;
    t.a = p.a + begin * p.a_row + k0 * p.a_col;
    t.c = c + begin * p.c_row;
    functions[static_cast<std::size_t>(end - begin - 1)](t);
    begin = end;
  }
}

// One row: as many columns at a time as there are registers for.
void compute_row(const Product& p, std::int64_t n) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  const bool relu = p.activation == Activation::relu && !p.accumulate;
  for (std::int64_t first = 0; first < n;) {
    const Tile t{p.a,          p.a_row, p.a_col,
                 p.b + first,  p.b_row, p.c + first,
                 p.c_row,      p.k,     p.add == nullptr ? nullptr : p.add + first,
                 p.accumulate, relu,    n - first};
    const std::int64_t vectors = (n - first + lanes - 1) / lanes;
    std::int64_t done = 1;
    const bool in_chains = p.in_chains && !p.accumulate;
    if (vectors >= 8) {
      compute_tile<1, 8>(t), done = 8;
    } else if (vectors >= 4) {
      in_chains ? compute_row_in_chains<4>(t) : compute_tile<1, 4>(t), done = 4;
    } else if (vectors >= 2) {
      in_chains ? compute_row_in_chains<2>(t) : compute_tile<1, 2>(t), done = 2;
    } else {
      in_chains ? compute_row_in_chains<1>(t) : compute_tile<1, 1>(t);
    }
    first += done * lanes;
  }
}

}  // namespace

void Multiply(const Product& p) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  // Padded columns are computed along: what lies there is allowed to be anything.
  const std::int64_t n = p.c_padded ? padded(p.n) : p.n;
  const bool direct = p.b_col == 1 && p.b_padded && (p.b_row <= 4 * 64 || p.m <= 2);
  if (direct && p.m == 1) {
    compute_row(p, n);
    return;
  }
  Tile t{p.a,
         p.a_row,
         p.a_col,
         nullptr,
         p.b_row,
         p.c,
         p.c_row,
         p.k,
         p.add,
         p.accumulate,
         p.activation == Activation::relu && !p.accumulate,
         0};
  const std::int64_t depth = direct ? p.k : panel_depth;
  const std::int64_t width = tile_vectors * lanes;
  float* panels = direct ? nullptr : scratch(group_panels * panel_depth * width, ScratchSlot::panel);
  for (std::int64_t k0 = 0; k0 < p.k || k0 == 0; k0 += depth) {
    t.depth = std::min(depth, p.k - k0);
    t.load_c = p.accumulate || k0 > 0;
    const bool finish = !p.accumulate && k0 + depth >= p.k;
    t.relu = finish && p.activation == Activation::relu;
    for (std::int64_t first = 0, panel = 0; first < n; first += width, panel = (panel + 1) % group_panels) {
      if (direct) {
        t.b = p.b + k0 * p.b_row + first;
      } else {
        if (panel == 0)
          pack_group(p, k0, t.depth, first, std::min(group_panels, (n - first + width - 1) / width), panels);
        t.b = panels + panel * t.depth * width;
        t.b_row = width;
      }
      t.c = p.c + first;
      t.add = !finish || p.add == nullptr ? nullptr : p.add + first;
      t.columns = n - first;
      compute_panel(p, t, n - first > lanes ? tile_vectors : 1, k0);
    }
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(Multiply);
void multiply(const Product& p) { HWY_DYNAMIC_DISPATCH(Multiply)(p); }
}  // namespace gradus::kernels
#endif
