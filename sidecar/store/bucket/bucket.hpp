// What the verbs of an S3 store share: the client, the settings that they act by, memory for parts.
#pragma once

#include "bucket/buffer_pool.hpp"
#include "s3/client.hpp"
#include "s3/payload.hpp"
#include "store/s3_store.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::store {

// What ListObjectVersions gives, as far as we know.
enum class Versions {
    listed,  // every version, and hide markers
    none,    // the store has no such operation, and so no versions
    unseen,  // the key may not use it: there may be versions
};

struct Bucket {
    Bucket(const S3Options& wanted, s3::ClientOptions client_options, s3::Transport& transport, s3::Timer& timer)
        : options(wanted),
          client(std::move(client_options), transport, timer),
          buffers(wanted.part_size, wanted.uploads + 1) {}

    [[nodiscard]] std::string full_key(const ObjectKey& key) const { return below_prefix(key.text()); }
    [[nodiscard]] std::string below_prefix(const std::string& text) const {
        return options.prefix.empty() ? text : options.prefix + "/" + text;
    }

    // Whatever the settings are, without overflow.
    [[nodiscard]] std::uint64_t largest_object() const {
        // DigitalOcean Spaces and Wasabi take no larger object, Cloudflare R2 hardly one.
        constexpr std::uint64_t most = 4'900'000'000'000;
        return options.part_size > most / options.largest_part_number ? most
                                                                      : options.part_size * options.largest_part_number;
    }

    [[nodiscard]] std::string location() const { return "s3://" + below_bucket(); }
    [[nodiscard]] std::string below_bucket() const {
        return options.prefix.empty() ? options.bucket : options.bucket + "/" + options.prefix;
    }

    // Tries until it is done or cannot be helped.
    s3::Answer send(const s3::Call& call) { return client.send(call, options.stop); }

    // The same for what takes something back. That is also done when a stop was asked for, but then everything of
    // this kind together gets three seconds: someone is waiting for us to end.
    s3::Answer take_back(s3::Call call);

    const S3Options options;
    s3::Client client;
    BufferPool buffers;
    // Whether the store honours If-None-Match, as far as we know: the first that refuses it is not asked again.
    std::atomic<bool> conditional_writes{true};
    std::atomic<Versions> versions{Versions::listed};
    // Whether a version id of this bucket was ever seen: it keeps versions then, whatever is answered later.
    std::atomic<bool> keeps_versions{false};

private:
    s3::Milliseconds left_after_stop();

    std::mutex mutex_;
    std::optional<std::chrono::steady_clock::time_point> last_moment_;
};

// The x-amz-meta- header that tells one upload's object from every other's.
inline constexpr const char* token_header = "x-amz-meta-lifeboat-upload";

// What a writer knows of the object that it wrote.
struct Written {
    std::string key;  // in the bucket
    std::string token;
    std::uint64_t size = 0;
    std::string etag;  // the one that an ETag made of MD5s would be
};

// What stands under a key.
enum class Standing {
    ours,     // the object that was written
    another,  // some other object
    absent,   // nothing
    unknown,  // neither HEAD nor a listing tells
};

struct Sighting {
    Standing standing = Standing::unknown;
    std::string version_id;
    std::string etag;
    std::optional<Error> why_unknown = std::nullopt;
};

// Looks for `written`: by HEAD, whose token and size decide; where the key may not read, by a listing, whose size and
// ETag decide.
Sighting look_for(Bucket& bucket, const Written& written);

// Giving up must not take as long as what was given up.
inline constexpr s3::Milliseconds giving_up_within{10'000};

// What the last ListObjectVersions or ListObjectsV2 shows under exactly this key.
struct KeyVersion {
    std::string version_id;  // empty where the store has no versions
    std::uint64_t size = 0;
    std::string etag;
    bool hide_marker = false;
};
enum class Purpose {
    look,
    take_back,  // also after a stop
    clean_up,   // the same, and not worth waiting for
};
Result<std::vector<KeyVersion>> versions_of(Bucket& bucket, const std::string& full_key, Purpose purpose);

// What a listing shows of `written`: its size and ETag decide.
Sighting seen_by_listing(const std::vector<KeyVersion>& versions, const Written& written);

// `version_id` empty: where the store has no versions. Elsewhere that would only hide.
s3::Call deletion_of(const Bucket& bucket, const std::string& full_key, const std::string& version_id);

// A header's value, or empty.
std::string header(const s3::HttpReply& reply, const std::string& name);

// An ETag header without its quotes.
std::string etag_of(const s3::HttpReply& reply);

}  // namespace lifeboat::store
