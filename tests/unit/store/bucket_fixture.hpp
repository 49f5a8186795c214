// A store over a bucket of the fake S3 server, with small parts and a clock that never waits.
#pragma once

#include "store/s3_store.hpp"
#include "store_fixtures.hpp"
#include "support/fake_s3.hpp"
#include "support/fake_timer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::test {

inline constexpr std::size_t bucket_part_size = 10'000;

inline store::S3Options bucket_options() {
    store::S3Options options;
    options.bucket = "pg-main";
    options.prefix = "backups";
    options.endpoint = "https://s3.example.org";
    options.region = "eu-west-1";
    options.addressing = s3::Addressing::path;
    options.credentials = s3::always({"THE-KEY-ID", Secret("the-secret-key"), std::nullopt});
    options.part_size = bucket_part_size;
    options.uploads = 3;
    return options;
}

class BucketStore : public ::testing::Test {
protected:
    void SetUp() override { timer.roll(250); }
    void TearDown() override { EXPECT_THAT(server.complaints(), ::testing::IsEmpty()); }

    // The store, opened at its first use.
    store::ObjectStore& store() {
        if (!store_) {
            options.stop = stop.get_token();
            store_ = store::open_s3(options, server, timer).value();
        }
        return *store_;
    }

    Result<store::StoredObject> put(const std::string& name, std::string_view content) {
        return put_text(store(), name, content);
    }

    // Nothing of it is left in the server, neither finished nor unfinished.
    void expect_nothing_left(const std::string& name) {
        EXPECT_THAT(server.versions("backups/" + name), ::testing::IsEmpty());
        EXPECT_THAT(server.open_uploads(), ::testing::IsEmpty());
    }

    // The `nth` request of an operation (1 is the first) ends so, without being done.
    void fail(const std::string& operation, s3::HttpReply reply, int nth = 1, int times = 1) {
        server.from_now_on(server.instead,
                           [=, seen = std::make_shared<std::atomic<int>>(0)](
                               const S3Request& request) -> std::optional<s3::HttpReply> {
                               if (request.operation != operation) {
                                   return std::nullopt;
                               }
                               const int count = ++*seen;
                               return count >= nth && count < nth + times ? std::optional(reply) : std::nullopt;
                           });
    }
    static constexpr int always = 1'000'000;

    // The first request of an operation is done, and its reply lost on the way.
    void lose_reply(const std::string& operation, const s3::HttpReply& instead = s3_broken(s3::Broken::cut)) {
        server.from_now_on(server.afterwards, [=, lost = std::make_shared<std::atomic<bool>>(false)](
                                                  const S3Request& request, s3::HttpReply& reply) {
            if (request.operation == operation && !lost->exchange(true)) {
                reply = instead;
            }
        });
    }

    FakeS3 server;
    FakeTimer timer;
    std::stop_source stop;
    store::S3Options options = bucket_options();

private:
    std::unique_ptr<store::ObjectStore> store_;
};

}  // namespace lifeboat::test
