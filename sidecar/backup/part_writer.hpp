#pragma once

#include "backup/backup_job.hpp"
#include "backup/outgoing_stream.hpp"
#include "giving_way.hpp"
#include "postgres/client_program.hpp"
#include "stream/rate_limit.hpp"

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
        : plan_(plan), store_(store), observer_(observer), stop_(std::move(stop)) {
        if (plan.read_rate) {
            read_rate_.emplace(*plan.read_rate, std::chrono::steady_clock::now());
        }
    }

    // From now on, a part that somebody waits for is ended, and noted there.
    void give_way_by(GivingWay& giving_way) { giving_way_ = &giving_way; }

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
        std::string session = {};  // the program's, as the server shows it, if it is to give way
    };

    // Success is a chain: the program's exit code, every stage's finish, the store's word. Ends a program that
    // has not moved for plan.max_stall, or for whose locks somebody has waited too long.
    Result<StoredPart> write(const std::string& part, const store::ObjectKey& key, postgres::ClientProgram started,
                             const Looks& looks);

private:
    Status dump_into(stream::Sink& entry, OutgoingStream& out, const std::string& part,
                     postgres::ClientProgram& program, const Looks& looks, std::stop_source& giving_up);
    Status copy(const std::string& part, postgres::ClientProgram& program, stream::Sink& entry, OutgoingStream& out,
                const Looks& looks, const std::stop_token& giving_up, const std::function<void()>& moved);
    std::unique_ptr<postgres::LockWatch> watch_locks(postgres::ClientProgram& program, const Looks& looks,
                                                     std::stop_source& giving_up);
    Status nobody_waited(postgres::LockWatch* locks);
    [[nodiscard]] std::size_t most_at_once() const;
    void pay_for(std::size_t bytes, const std::stop_token& giving_up, const std::function<void()>& moved);

    const BackupPlan& plan_;
    store::ObjectStore& store_;
    BackupObserver& observer_;
    std::stop_token stop_;
    std::optional<stream::RateLimit> read_rate_;
    GivingWay* giving_way_ = nullptr;
};

}  // namespace lifeboat::backup
