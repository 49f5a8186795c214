#include "dump.hpp"

#include "stream/counter.hpp"
#include "stream/fd_sink.hpp"
#include "stream/sink.hpp"

#include <array>

namespace lifeboat::drill {
namespace {

using postgres::ClientProgram;

constexpr std::size_t largest_globals = std::size_t{64} << 20U;

class Text final : public stream::Sink {
public:
    Status write(stream::Bytes chunk) override {
        if (text.size() + chunk.size() > largest_globals) {
            return failed("the globals are larger than " + std::to_string(largest_globals) + " bytes");
        }
        text.append(stream::as_text(chunk));
        return done();
    }
    Status finish() override { return done(); }

    std::string text;
};

// Everything that a program prints, into a stage that is finished when the program has ended well.
Status run_into(ClientProgram& program, stream::Sink& to, const std::stop_token& stop) {
    const std::stop_callback let_go(stop, [&program] { program.ask_to_end(); });
    std::array<std::byte, std::size_t{64} * 1024> buffer{};
    for (;;) {
        auto got = program.read(buffer, stop);
        if (!got) {
            return std::move(got).error();
        }
        if (*got == 0) {
            break;
        }
        if (auto written = to.write(stream::Bytes(buffer).first(*got)); !written) {
            return written;
        }
    }
    auto ended = program.wait(stop);
    return ended ? to.finish() : ended;
}

// What the backup's own dump was told to leave out is left out here, too.
std::vector<std::string> dump_arguments(const Dumping& dumping, const catalogue::DatabaseRecord& record) {
    std::vector<std::string> arguments = {"--format=custom", "--compress=0", "--no-password"};
    if (!record.needs.encoding.empty()) {
        arguments.push_back("--encoding=" + record.needs.encoding);
    }
    for (const auto& pattern : dumping.manifest.exclude_table_data) {
        arguments.push_back("--exclude-table-data=" + pattern);
    }
    if (dumping.manifest.server.role == "standby") {
        arguments.emplace_back("--no-unlogged-table-data");  // a standby has none
    }
    return arguments;
}

Result<ClientProgram> start_dump(const Dumping& dumping, std::vector<std::string> arguments,
                                 const std::string& database) {
    return ClientProgram::start(dumping.programs.pg_dump, std::move(arguments), ClientProgram::Streams::output,
                                dumping.connection, database, {});
}

}  // namespace

Status look_at_database(const Dumping& dumping, const catalogue::DatabaseRecord& record, ArchiveLook& look) {
    auto program = start_dump(dumping, dump_arguments(dumping, record), record.name);
    if (!program) {
        return std::move(program).error();
    }
    stream::Discard nowhere;
    return run_into(*program, *look.tap(nowhere), dumping.stop);
}

Status look_at_schema_twice(const Dumping& dumping, const catalogue::DatabaseRecord& record, const std::string& into,
                            const std::string& role, ArchiveLook& look, ArchiveLook& again) {
    auto arguments = dump_arguments(dumping, record);
    arguments.emplace_back("--schema-only");
    std::vector<std::string> restore_arguments = {"--exit-on-error", "--no-password"};
    if (!role.empty()) {
        restore_arguments.push_back("--role=" + role);
    }
    auto restore = ClientProgram::start(dumping.programs.pg_restore, std::move(restore_arguments),
                                        ClientProgram::Streams::input, dumping.connection, into, {.writes = true});
    if (!restore) {
        return std::move(restore).error();
    }
    const std::stop_callback end(dumping.stop, [&restore] { restore->end(); });
    {
        auto dump = start_dump(dumping, arguments, record.name);
        if (!dump) {
            return std::move(dump).error();
        }
        stream::FdSink input(restore->input(), "pg_restore");
        auto passed = run_into(*dump, *look.tap(input), dumping.stop);
        const bool reader_gone =
            !passed && passed.error().kind == ErrorKind::interrupted && !dumping.stop.stop_requested();
        if (!passed && !reader_gone) {
            return passed;
        }
    }
    restore->close_input();
    if (auto restored = restore->wait(dumping.stop); !restored) {
        return restored;
    }
    auto dump = start_dump(dumping, arguments, into);
    if (!dump) {
        return std::move(dump).error();
    }
    stream::Discard nowhere;
    return run_into(*dump, *again.tap(nowhere), dumping.stop);
}

Result<std::string> dump_globals(const Dumping& dumping) {
    const std::string database = dumping.connection.database();
    auto program =
        ClientProgram::start(dumping.programs.pg_dumpall, {"--globals-only", "--no-password", "--database=" + database},
                             ClientProgram::Streams::output, dumping.connection, database, {});
    if (!program) {
        return std::move(program).error();
    }
    Text text;
    if (auto ran = run_into(*program, text, dumping.stop); !ran) {
        return std::move(ran).error();
    }
    return std::move(text.text);
}

}  // namespace lifeboat::drill
