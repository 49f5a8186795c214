#include "part_writer.hpp"

#include "stall_watch.hpp"

#include <array>

namespace lifeboat::backup {
namespace {

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
    if (auto copied = in_time(copy(part, program, entry, out, looks, [&watch] { watch.moved(); })); !copied) {
        return copied;
    }
    // The end of its output is not success: only its exit code is.
    return in_time(program.wait(stop_));
}

Status PartWriter::copy(const std::string& part, postgres::ClientProgram& program, stream::Sink& entry,
                        OutgoingStream& out, const Looks& looks, const std::function<void()>& moved) {
    std::array<std::byte, std::size_t{64} * 1024> buffer{};
    bool first = true;
    for (;;) {
        auto got = program.read(buffer, stop_);
        if (!got) {
            return std::move(got).error();
        }
        moved();
        if (*got == 0) {
            return done();
        }
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
