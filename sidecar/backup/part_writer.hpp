#pragma once

#include "backup/backup_job.hpp"
#include "backup/outgoing_stream.hpp"
#include "postgres/client_program.hpp"

#include <functional>

namespace lifeboat::backup {

struct StoredPart {
    std::vector<store::StoredObject> objects;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t warnings = 0;
};

// What one client program prints, into one stream of the store.
class PartWriter {
public:
    PartWriter(const BackupPlan& plan, store::ObjectStore& store, BackupObserver& observer, std::stop_token stop)
        : plan_(plan), store_(store), observer_(observer), stop_(std::move(stop)) {}

    // A look at what passes, in front of the stream into the store; may be empty.
    using Inspector = std::function<std::unique_ptr<stream::Sink>(stream::Sink& next)>;

    // Called once, with the first bytes of the program; its error ends the part. May be empty.
    using FirstBytes = std::function<Status()>;

    // Called at the end of the program's output, after its exit code was seen, before anything becomes visible
    // in the store; its error ends the part. May be empty.
    using LastLook = std::function<Status()>;

    struct Looks {
        Inspector inspector;
        FirstBytes first_bytes;
        LastLook last_look;
    };

    // Success is a chain: the program's exit code, every stage's finish, the store's word. Ends a program that
    // has not moved for plan.max_stall.
    Result<StoredPart> write(const std::string& part, const store::ObjectKey& key, postgres::ClientProgram started,
                             const Looks& looks);

private:
    Status dump_into(stream::Sink& entry, OutgoingStream& out, const std::string& part,
                     postgres::ClientProgram& program, const Looks& looks, std::stop_source& giving_up);
    Status copy(const std::string& part, postgres::ClientProgram& program, stream::Sink& entry, OutgoingStream& out,
                const Looks& looks, const std::function<void()>& moved);

    const BackupPlan& plan_;
    store::ObjectStore& store_;
    BackupObserver& observer_;
    std::stop_token stop_;
};

}  // namespace lifeboat::backup
