#include "base/deflate.hpp"

#include <zlib.h>

#include <gradus/error.hpp>

namespace gradus {

std::string gzip(std::string_view bytes, int level) {
  constexpr int gzip_header = 15 + 16, usual_memory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, gzip_header, usual_memory, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw Error(ErrorCode::io, "zlib does not start: out of memory");
  }
  std::string packed(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) throw Error(ErrorCode::io, "zlib could not pack an answer");
  return packed;
}

}  // namespace gradus
