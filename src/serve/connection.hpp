#pragma once

#include <atomic>
#include <string>

#include <gradus/serve.hpp>

#include "serve/application.hpp"
#include "serve/asio.hpp"
#include "serve/batching.hpp"
#include "serve/loop.hpp"
#include "serve/metrics.hpp"

namespace gradus::serve {

/// What all connections share.
struct Context {
  const ServeOptions& options;
  const Application& application;
  Metrics& metrics;
  ComputePool& pool;
  const std::atomic<bool>& stopping;
};

/// From any thread: a new connection for `loop`. `tls` is null for plain HTTP.
void start_connection(const Context& context, Loop& loop, boost::asio::ip::tcp::socket socket,
                      boost::asio::ssl::context* tls, std::string client);

}  // namespace gradus::serve
