#include "part_writer.hpp"

#include "stall_watch.hpp"

#include <algorithm>
#include <array>
#include <thread>

namespace lifeboat::backup {
namespace {

constexpr std::size_t read_size = std::size_t{64} * 1024;

Error stalled_error(std::chrono::milliseconds longest) {
    return {ErrorKind::temporary,
            "nothing moved for " + std::to_string(std::chrono::ceil<std::chrono::seconds>(longest).count()) +
                " s (postgres.max_stall), so the dump was ended before it held its locks any longer",
            "see whether the server, a lock or the store is slow"};
}

}  // namespace

Result<StoredPart> PartWriter::write(const std::string& part, const store::ObjectKey& key,
                                     postgres::ClientProgram started, const Looks& looks) {
    std::stop_source giving_up;
    auto out = OutgoingStream::open(store_, key, plan_.compression_level, plan_.recipients, giving_up.get_token());
    if (!out) {
        return std::move(out).error();
    }
    const auto inspector = looks.inspector ? looks.inspector(**out) : nullptr;
    stream::Sink& entry = inspector ? *inspector : **out;

    // Gone before `out`, whatever happens: what the store is asked to take back may take it a while, and the dump would
    // hold its locks meanwhile. A stop lets go of the server at once, also where the store keeps this thread waiting.
    postgres::ClientProgram program(std::move(started));
    const std::stop_callback let_go(stop_, [&program] { program.ask_to_end(); });
    if (auto dumped = dump_into(entry, **out, part, program, looks, giving_up); !dumped) {
        return std::move(dumped).error();
    }
    if (auto looked = looks.last_look ? looks.last_look() : done(); !looked) {
        return std::move(looked).error();
    }
    if (auto finished = entry.finish(); !finished) {
        return std::move(finished).error();
    }
    if (stop_.stop_requested()) {
        return Error{ErrorKind::interrupted, "stopped", {}};
    }
    auto objects = (*out)->commit();
    if (!objects) {
        return std::move(objects).error();
    }
    const auto said = program.said();
    for (const auto& line : said) {
        observer_.warned(part, line);
    }
    observer_.part_stored(part, (*out)->bytes_in(), (*out)->bytes_out());
    return StoredPart{std::move(*objects), (*out)->bytes_in(), (*out)->bytes_out(), said.size()};
}

// Until the program has ended well. While it runs it holds locks, and is not waited for longer than max_stall, nor is
// the store: one that takes a few bytes now and then would hold up the run as well as one that takes none.
Status PartWriter::dump_into(stream::Sink& entry, OutgoingStream& out, const std::string& part,
                             postgres::ClientProgram& program, const Looks& looks, std::stop_source& giving_up) {
    StallWatch watch(plan_.max_stall, [&] {
        program.end();
        giving_up.request_stop();
    });
    auto locks = watch_locks(program, looks, giving_up);
    const auto in_time = [&](Status status) {
        if (!watch.stalled()) {
            return status;
        }
        Error error = stalled_error(plan_.max_stall);
        if (!status && status.error().kind != ErrorKind::interrupted) {
            error.detail = whole_text(status.error());  // of the store, perhaps, which was the cause
        }
        return Status(error);
    };
    const auto moved = [&] {
        watch.moved();
        if (auto trouble = locks ? locks->take_trouble() : std::nullopt) {
            observer_.warned(part, "who waits for this dump cannot be told: " + whole_text(*trouble));
        }
    };
    auto dumped = copy(part, program, entry, out, looks, giving_up.get_token(), moved);
    if (dumped) {
        dumped = program.wait(stop_);  // the end of its output is not success: only its exit code is
    }
    if (auto unhindered = nobody_waited(locks.get()); !unhindered) {
        return unhindered;
    }
    return in_time(std::move(dumped));
}

std::unique_ptr<postgres::LockWatch> PartWriter::watch_locks(postgres::ClientProgram& program, const Looks& looks,
                                                             std::stop_source& giving_up) {
    if (giving_way_ == nullptr || looks.session.empty()) {
        return nullptr;
    }
    return giving_way_->watch(looks.session, {[&] {
                                                  program.ask_to_end();
                                                  giving_up.request_stop();
                                              },
                                              [&] { program.end(); }});
}

// Also where the dump came to its end just then: its upload was told to stop.
Status PartWriter::nobody_waited(postgres::LockWatch* locks) {
    if (locks == nullptr) {
        return done();
    }
    locks->finish();
    if (const auto gave_way = locks->gave_way()) {
        giving_way_->note(*gave_way);
        return Error{ErrorKind::temporary, postgres::in_words(*gave_way), postgres::cure_of(*gave_way)};
    }
    const auto lost = locks->lost();
    return lost ? Status(in_context("the lock on the server is gone", *lost)) : done();
}

// At a low rate little by little, so that the server is never left waiting for long.
std::size_t PartWriter::most_at_once() const {
    constexpr std::uint64_t a_second_has = 10;
    const auto share = plan_.read_rate.value_or(read_size * a_second_has) / a_second_has;
    return static_cast<std::size_t>(std::clamp<std::uint64_t>(share, 1, read_size));
}

// Waits until so many bytes may have been read. What waits here moves: it is slow on purpose.
void PartWriter::pay_for(std::size_t bytes, const std::stop_token& giving_up, const std::function<void()>& moved) {
    constexpr std::chrono::milliseconds look_again{20};
    while (read_rate_ && !stop_.stop_requested() && !giving_up.stop_requested()) {
        bytes -= read_rate_->take(bytes, std::chrono::steady_clock::now());
        if (bytes == 0) {
            return;
        }
        std::this_thread::sleep_for(look_again);
        moved();
    }
}

Status PartWriter::copy(const std::string& part, postgres::ClientProgram& program, stream::Sink& entry,
                        OutgoingStream& out, const Looks& looks, const std::stop_token& giving_up,
                        const std::function<void()>& moved) {
    std::array<std::byte, read_size> buffer{};
    const auto room = std::span(buffer).first(most_at_once());
    bool first = true;
    for (;;) {
        auto got = program.read(room, stop_);
        if (!got) {
            return std::move(got).error();
        }
        moved();
        if (*got == 0) {
            return done();
        }
        pay_for(*got, giving_up, moved);
        if (std::exchange(first, false) && looks.first_bytes) {
            if (auto looked = looks.first_bytes(); !looked) {
                return looked;
            }
        }
        if (auto written = entry.write(stream::Bytes(buffer).first(*got)); !written) {
            return written;
        }
        moved();
        observer_.part_moved(part, out.bytes_in(), out.bytes_out());
    }
}

}  // namespace lifeboat::backup
