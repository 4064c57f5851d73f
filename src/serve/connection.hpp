#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <gradus/serve.hpp>

#include "serve/application.hpp"
#include "serve/asio.hpp"
#include "serve/batching.hpp"
#include "serve/body_budget.hpp"
#include "serve/log.hpp"
#include "serve/loop.hpp"
#include "serve/metrics.hpp"

namespace gradus::serve {

/// What all connections share.
struct Context {
  const ServeOptions& options;
  const Application& application;
  Metrics& metrics;
  ComputePool& pool;
  BodyBudget& bodies;
  const Log& log;
  const std::atomic<bool>& stopping;
};

/// Who is at the other end.
struct Peer {
  std::string text{};     ///< address and port, for the access log
  bool admin = false;     ///< at the port for health and metrics
  std::string network{};  ///< bytes of the address, of an IPv6 address the first 64 bits: what one client may have
};

/// From any thread: a new connection for `loop`. `tls` is null for plain HTTP.
void start_connection(const Context& context, Loop& loop, boost::asio::ip::tcp::socket socket,
                      std::shared_ptr<boost::asio::ssl::context> tls, Peer peer);

}  // namespace gradus::serve
