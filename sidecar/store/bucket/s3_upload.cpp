#include "bucket/s3_upload.hpp"

#include "bucket/listing.hpp"
#include "os/random.hpp"
#include "s3/replies.hpp"

#include <utility>

namespace lifeboat::store {
namespace {

constexpr std::size_t token_bytes = 16;

bool looks_like_md5(const std::string& etag) {
    const auto digits = etag.substr(0, etag.find('-'));
    return digits.size() == 32 && digits.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

S3Upload::S3Upload(Bucket& bucket, ObjectKey key)
    : bucket_(bucket),
      key_(std::move(key)),
      stop_of_store_(bucket.options.stop, [this] { stop_.request_stop(); }),
      written_{bucket.full_key(key_), os::random_hex(token_bytes), 0, {}} {}

S3Upload::~S3Upload() {
    if (!visible_) {
        give_up();
    }
}

void S3Upload::end_on(const std::stop_token& stop) {
    stop_of_writer_.emplace(stop, [this] { stop_.request_stop(); });
}

Status S3Upload::write(stream::Bytes chunk) {
    if (ended_) {
        return failed("the upload of '" + key_.text() + "' was ended before", "begin a new upload");
    }
    auto taken = take(chunk);
    ended_ = !taken.ok();
    return taken;
}

Status S3Upload::take(stream::Bytes chunk) {
    const std::uint64_t most = bucket_.largest_object();
    if (chunk.size() > most - written_.size) {
        return failed("'" + key_.text() + "' would be larger than " + std::to_string(most) +
                          " bytes, the most that goes into " + std::to_string(bucket_.options.largest_part_number) +
                          " parts",
                      "raise store.part_size");
    }
    written_.size += chunk.size();
    hash_.update(chunk);
    if (!current_) {
        current_ = bucket_.buffers.take();
    }
    while (!chunk.empty()) {
        if (current_.full()) {  // and more is to come: an object of exactly one part needs no other
            if (auto sent = send_part(); !sent) {
                return sent;
            }
        }
        chunk = chunk.subspan(current_.append(chunk));
    }
    return done();
}

Status S3Upload::begin_parts() {
    s3::Call call{s3::create_upload, "POST", written_.key, {{"uploads", ""}}, object_headers()};
    call.lock_for = bucket_.options.lock_for;
    auto answer = bucket_.client.send(call, stop_.get_token());
    untold_ = answer.in_doubt;
    if (!answer.ok()) {
        return answer.failure->error;
    }
    auto id = s3::parse_upload_id(answer.reply.body);
    if (!id) {
        untold_ = true;
        return failed("the store began an upload of '" + written_.key + "' without telling its id",
                      "check that store.endpoint is an S3 server");
    }
    upload_id_ = *std::move(id);
    sender_.emplace(bucket_, written_.key, upload_id_, stop_.get_token());
    return done();
}

Status S3Upload::send_part() {
    if (!sender_) {
        if (auto begun = begin_parts(); !begun) {
            return begun;
        }
    }
    if (auto sent = sender_->send(std::move(current_)); !sent) {
        return sent;
    }
    current_ = bucket_.buffers.take();
    return done();
}

Result<StoredObject> S3Upload::commit() {
    if (ended_) {
        return failed("the upload of '" + key_.text() + "' was ended before", "begin a new upload");
    }
    ended_ = true;
    auto stored = store_all();
    current_ = Buffer();
    visible_ = stored.ok();
    if (!visible_) {
        give_up();
    } else if (untold_) {
        abort_untold();
    }
    return stored;
}

Result<StoredObject> S3Upload::store_all() {
    if (auto free = refuse_to_replace(); !free) {
        return std::move(free).error();
    }
    auto stands = sender_ ? put_parts() : put_whole();
    if (!stands) {
        return std::move(stands).error();
    }
    return StoredObject{key_, written_.size, hash_.hex(), stands->version_id};
}

// Where If-None-Match guards the key this is one request too many; it is what there is everywhere else.
Status S3Upload::refuse_to_replace() {
    const auto sighting = look_for(bucket_, written_);
    if (sighting.why_unknown && sighting.why_unknown->kind == ErrorKind::interrupted) {
        return *sighting.why_unknown;
    }
    const bool taken = sighting.standing == Standing::ours || sighting.standing == Standing::another;
    return taken ? Status(exists_error()) : done();
}

Result<Sighting> S3Upload::put_whole() {
    if (!current_) {
        current_ = bucket_.buffers.take();  // an object of no bytes
    }
    s3::Call call{s3::put_object, "PUT", written_.key, {}, object_headers(), s3::Payload(current_.content())};
    call.lock_for = bucket_.options.lock_for;
    written_.etag = s3::md5_hex(call.body.md5);
    return make_visible(std::move(call));
}

Result<Sighting> S3Upload::put_parts() {
    if (auto sent = sender_->send(std::move(current_)); !sent) {
        return std::move(sent).error();
    }
    auto parts = sender_->finish();
    if (!parts) {
        return std::move(parts).error();
    }
    std::vector<std::string> etags;
    std::vector<s3::Md5> digests;
    for (const auto& part : *parts) {
        etags.push_back(part.etag);
        digests.push_back(part.md5);
        md5_etags_ = md5_etags_ && part.etag == "\"" + s3::md5_hex(part.md5) + "\"";
    }
    written_.etag = s3::multipart_etag(digests);
    const std::string body = s3::complete_body(etags);
    return make_visible({s3::complete_upload,
                         "POST",
                         written_.key,
                         {{"uploadId", upload_id_}},
                         {},
                         s3::Payload(stream::as_bytes(body))});
}

// The one request after which the object is there. When it is in doubt whether it was done, the store is asked what
// stands under the key before anything is tried again: another try could only make a second version, or fail.
Result<Sighting> S3Upload::make_visible(s3::Call call) {
    s3::Retry retry(bucket_.client.policy(), bucket_.client.timer());
    std::optional<Error> conflict;  // after which AWS knows the upload no more; another store may
    for (;;) {
        if (bucket_.conditional_writes) {
            call.headers["if-none-match"] = "*";
        } else {
            call.headers.erase("if-none-match");
        }
        asked_for_ = true;
        const auto answer = bucket_.client.attempt(call, retry.failed() > 0, stop_.get_token());
        if (refused_the_condition(answer, call)) {
            continue;
        }
        if (auto told = believed(answer, call)) {
            told_ = told;
            return seen_again(*std::move(told));
        }
        if (!answer.ok() && answer.failure->error.kind == ErrorKind::interrupted) {
            return answer.failure->error;
        }
        if (auto stands = settled(answer)) {
            return *std::move(stands);
        }
        s3::Failure failure = answer.ok() ? said_nothing() : *answer.failure;
        if (failure.status == 409) {
            conflict = failure.error;
        } else if (failure.code == "NoSuchUpload" && conflict) {
            failure.error = in_context("the store dropped the upload", *conflict);
        }
        if (!s3::Client::again(retry, failure, stop_.get_token())) {
            return failure.error;
        }
    }
}

// What stands under the key, where it is in doubt whether `answer` was to something done; nothing if that is nothing.
std::optional<Result<Sighting>> S3Upload::settled(const s3::Answer& answer) {
    const bool in_doubt = answer.ok() || answer.failure->uncertain || answer.failure->error.kind == ErrorKind::exists ||
                          answer.failure->status == 409 || answer.failure->code == "NoSuchUpload";
    const auto sighting = in_doubt ? look_for(bucket_, written_) : Sighting{Standing::absent, {}, {}};
    switch (sighting.standing) {
        case Standing::ours: return sighting;
        case Standing::another: return exists_error();
        case Standing::absent:
        case Standing::unknown: break;
    }
    return std::nullopt;
}

// A success without an ETag; another try may be told more.
s3::Failure S3Upload::said_nothing() const {
    return {failed("the store took '" + written_.key + "' and gave no ETag for it",
                   "check that store.endpoint is an S3 server"),
            200,
            {},
            true,
            true,
            {}};
}

// Backblaze B2 and others answer 501 to a condition; some may find other words.
bool S3Upload::refused_the_condition(const s3::Answer& answer, const s3::Call& call) {
    if (answer.ok() || call.headers.count("if-none-match") == 0) {
        return false;
    }
    const int status = answer.failure->status;
    const bool refused = status == 501 || (status == 400 && !answer.failure->retryable);
    if (refused) {
        bucket_.conditional_writes = false;
    }
    return refused;
}

// A success that names an ETag. A server may answer 200 first and then find that it fails.
std::optional<Sighting> S3Upload::believed(const s3::Answer& answer, const s3::Call& call) {
    if (!answer.ok()) {
        return std::nullopt;
    }
    const bool parts = call.operation.name == s3::complete_upload.name;
    const auto etag = parts ? s3::parse_completed_etag(answer.reply.body).value_or("") : etag_of(answer.reply);
    if (etag.empty()) {
        return std::nullopt;
    }
    return Sighting{Standing::ours, header(answer.reply, "x-amz-version-id"), etag};
}

// What the store told, held against what it shows.
Result<Sighting> S3Upload::seen_again(Sighting told) {
    const Error wrong{ErrorKind::corrupt,
                      "the store says that it took '" + written_.key + "', and shows it otherwise than it was sent",
                      "run again; if it stays, ask the store's operator"};
    if (md5_etags_ && looks_like_md5(told.etag) && sender_ && told.etag != written_.etag) {
        return wrong;
    }
    written_.etag = told.etag;
    const auto seen = look_for(bucket_, written_);
    if (seen.standing == Standing::unknown) {
        // A store that does not answer now may be well again later; a key that may neither read nor list never may.
        const bool refused = !seen.why_unknown || (seen.why_unknown->kind != ErrorKind::interrupted &&
                                                   seen.why_unknown->kind != ErrorKind::temporary);
        return refused ? Result<Sighting>(told) : *seen.why_unknown;
    }
    if (seen.standing != Standing::ours || (!seen.etag.empty() && seen.etag != told.etag)) {
        return wrong;
    }
    if (told.version_id.empty()) {
        told.version_id = seen.version_id;
    }
    return told;
}

void S3Upload::give_up() {
    sender_.reset();  // ends what is under way and waits for it
    if (!upload_id_.empty()) {
        abort_parts(std::exchange(upload_id_, {}));
    }
    if (untold_) {
        abort_untold();
    }
    remove_what_came_of_it();
}

// Uploads of this key that the store began and nobody heard of, because the reply was lost. The key is this writer's
// alone. Where the store cannot list them, they are left to the bucket's own rule.
void S3Upload::abort_untold() {
    untold_ = false;
    std::vector<std::string> ids;
    const auto note = [&](const ListedUnfinished& upload) {
        if (upload.key == written_.key) {
            ids.push_back(upload.upload_id);
        }
        return done();
    };
    (void)list_unfinished(bucket_, written_.key, note, Purpose::clean_up);
    for (const auto& id : ids) {
        abort_parts(id);
    }
}

void S3Upload::abort_parts(const std::string& upload_id) {
    s3::Call call{s3::abort_upload, "DELETE", written_.key, {{"uploadId", upload_id}}};
    call.within = giving_up_within;
    // A part whose connection was cut may still arrive after the first abort, which then has to be said again. What
    // cannot be aborted is left to a later sweep, and to the bucket's own rule.
    for (int time = 0; time < 2; ++time) {
        if (!bucket_.take_back(call).ok()) {
            return;
        }
    }
}

// What was asked for may have been done, whatever the store said of it. What cannot be looked at stays: data without a
// manifest, which a later sweep finds.
void S3Upload::remove_what_came_of_it() {
    if (!std::exchange(asked_for_, false)) {
        return;
    }
    if (const auto version = version_that_came_of_it()) {
        auto deletion = deletion_of(bucket_, written_.key, *version);
        deletion.within = giving_up_within;
        (void)bucket_.take_back(std::move(deletion));
    }
}

// Only an object with our token is ours to remove; or, of those that the store told us it took, the one that it named
// or that a listing shows as it was told.
std::optional<std::string> S3Upload::version_that_came_of_it() {
    s3::Call look{s3::head_object, "HEAD", written_.key};
    look.within = giving_up_within;
    const auto seen = bucket_.take_back(std::move(look));
    if (seen.ok()) {
        const bool ours = header(seen.reply, token_header) == written_.token;
        return ours ? std::optional(header(seen.reply, "x-amz-version-id")) : std::nullopt;
    }
    if (!told_ || seen.failure->status == 404) {
        return std::nullopt;
    }
    if (!told_->version_id.empty()) {
        return told_->version_id;
    }
    const auto versions = versions_of(bucket_, written_.key, Purpose::clean_up);
    const auto listed = versions ? seen_by_listing(*versions, written_) : Sighting{};
    return listed.standing == Standing::ours ? std::optional(listed.version_id) : std::nullopt;
}

s3::Headers S3Upload::object_headers() const {
    return {{"content-type", "application/octet-stream"}, {token_header, written_.token}};
}

Error S3Upload::exists_error() const {
    return {ErrorKind::exists, "object '" + key_.text() + "' is there already in " + bucket_.location(),
            "choose another key; nothing was replaced"};
}

}  // namespace lifeboat::store
