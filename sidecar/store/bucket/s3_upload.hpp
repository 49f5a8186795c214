// One object on its way into a bucket.
#pragma once

#include "bucket/bucket.hpp"
#include "bucket/part_sender.hpp"
#include "store/object_store.hpp"
#include "stream/sha256.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace lifeboat::store {

class S3Upload final : public Upload {
public:
    S3Upload(Bucket& bucket, ObjectKey key);
    S3Upload(const S3Upload&) = delete;
    S3Upload& operator=(const S3Upload&) = delete;
    ~S3Upload() override;

    Status write(stream::Bytes chunk) override;
    Result<StoredObject> commit() override;
    void end_on(const std::stop_token& stop) override;

private:
    Status take(stream::Bytes chunk);
    Status send_part();
    Status begin_parts();
    Status refuse_to_replace();
    Result<StoredObject> store_all();
    Result<Sighting> put_whole();
    Result<Sighting> put_parts();
    Result<Sighting> make_visible(s3::Call call);
    [[nodiscard]] bool refused_the_condition(const s3::Answer& answer, const s3::Call& call);
    std::optional<Sighting> believed(const s3::Answer& answer, const s3::Call& call);
    std::optional<Result<Sighting>> settled(const s3::Answer& answer);
    [[nodiscard]] s3::Failure said_nothing() const;
    Result<Sighting> seen_again(Sighting told);
    void give_up();
    void abort_parts(const std::string& upload_id);
    void abort_untold();
    void remove_what_came_of_it();
    std::optional<std::string> version_that_came_of_it();
    [[nodiscard]] s3::Headers object_headers() const;
    [[nodiscard]] Error exists_error() const;

    using StopCallback = std::stop_callback<std::function<void()>>;

    Bucket& bucket_;
    const ObjectKey key_;
    std::stop_source stop_;  // the store's, or the writer's own
    StopCallback stop_of_store_;
    std::optional<StopCallback> stop_of_writer_;
    Written written_;
    stream::Sha256 hash_;
    Buffer current_;
    std::string upload_id_;  // empty before the first part
    std::optional<PartSender> sender_;
    bool untold_ = false;    // an upload may have begun whose id nobody heard
    bool md5_etags_ = true;  // every part's ETag was the MD5 of what was sent
    bool ended_ = false;
    std::optional<Sighting> told_;  // once the store has told that it took the object
    bool asked_for_ = false;        // the request was sent after which the object is there
    bool visible_ = false;
};

}  // namespace lifeboat::store
