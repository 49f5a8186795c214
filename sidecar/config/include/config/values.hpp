// From the texts that people write to values and back. Pure; errors are of kind usage and quote what was
// written, except where a password could stand in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "result/result.hpp"
#include "schedule/duration.hpp"

namespace lifeboat::config {

using schedule::parse_duration;
using schedule::write_duration;

// A whole number with B, kB, KB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (of 1024), or none for bytes.
Result<Size> parse_size(std::string_view text);
std::string write_size(Size size);

// A size of at least one byte with "/s" behind it.
Result<Rate> parse_rate(std::string_view text);
std::string write_rate(Rate rate);

// "127.0.0.1:9848", "localhost:80", "[::]:9847".
Result<HostPort> parse_host_port(std::string_view text);
std::string write_host_port(const HostPort& address);
// Whether only this machine (in a pod: this pod) can reach it.
bool is_loopback(const HostPort& address);

// "s3://bucket", "s3://bucket/some/prefix", "file:///absolute/folder".
Result<StoreUrl> parse_store_url(std::string_view text);

// "http://host[:port]" or "https://…", without user, path or query; a slash at the end is dropped.
Result<std::string> parse_endpoint(std::string_view text);

// "compliance:30d"
Result<ObjectLock> parse_object_lock(std::string_view text);

// The server's URI as it may be shown: passwords give way to "(hidden)". Where it is not clear what is
// password, more is hidden than need be.
std::string mask_uri(std::string_view uri);

}  // namespace lifeboat::config
