#include "dump.hpp"

#include "archive/sql_text.hpp"
#include "os/memory_file.hpp"
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

Status run_schema_into(const Dumping& dumping, const catalogue::DatabaseRecord& record, const std::string& database,
                       stream::Sink& to) {
    auto arguments = dump_arguments(dumping, record);
    arguments.emplace_back("--schema-only");
    auto program = start_dump(dumping, std::move(arguments), database);
    if (!program) {
        return std::move(program).error();
    }
    return run_into(*program, to, dumping.stop);
}

// pg_restore's list of what to restore: as the restore of the whole archive chose it.
Result<os::Fd> entry_list(const Dumping& dumping, const Definitions& definitions) {
    auto superuser = dumping.connection.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
    if (!superuser) {
        return std::move(superuser).error();
    }
    std::string list;
    for (const auto id : definitions.of_schema()) {
        if (*superuser == "t" || definitions.of_superusers().count(id) == 0) {
            list += std::to_string(id) + ";\n";
        }
    }
    return os::memory_file("entries", Secret(std::move(list)));
}

// How some of the objects in an archive are made.
class Texts final : public stream::Sink {
public:
    explicit Texts(const std::set<std::string>& names) : reader_(options(names)) {}

    Status write(stream::Bytes chunk) override {
        reader_.feed(chunk);
        return done();
    }
    Status finish() override { return done(); }

    std::map<std::string, std::string> found() && { return std::move(found_); }

private:
    archive::TocOptions options(const std::set<std::string>& names) {
        archive::TocOptions options;
        options.wanted = [](std::string_view, std::string_view) {
            return archive::TocFields{.names = true, .defn = true};
        };
        options.keep_at_most = options.longest_text;
        options.take = [this, &names](const archive::TocEntry& entry) {
            const auto name = shown_name(entry);
            constexpr std::size_t most_text = std::size_t{16} << 20U;
            if (names.count(name) == 0 || bytes_ + entry.defn.size() > most_text) {
                return;
            }
            bytes_ += entry.defn.size();
            auto& text = found_[name];
            text += entry.defn + "\n";
            text += entry.tablespace.empty() ? "" : "TABLESPACE " + archive::quote_identifier(entry.tablespace) + ";\n";
        };
        return options;
    }

    std::map<std::string, std::string> found_;
    std::size_t bytes_ = 0;
    archive::TocReader reader_;
};

}  // namespace

Status look_at_database(const Dumping& dumping, const catalogue::DatabaseRecord& record, ArchiveLook& look) {
    auto program = start_dump(dumping, dump_arguments(dumping, record), record.name);
    if (!program) {
        return std::move(program).error();
    }
    stream::Discard nowhere;
    return run_into(*program, *look.tap(nowhere), dumping.stop);
}

Status restore_schema(const Dumping& dumping, ArchiveLook& archive, const std::string& into, const std::string& role) {
    auto entries = entry_list(dumping, archive.definitions());
    if (!entries) {
        return std::move(entries).error();
    }
    std::vector<std::string> arguments = {"--schema-only", "--exit-on-error", "--no-password",
                                          "--use-list=" + os::memory_file_path(entries->get())};
    if (!role.empty()) {
        arguments.push_back("--role=" + role);
    }
    auto restore =
        ClientProgram::start(dumping.programs.pg_restore, std::move(arguments), ClientProgram::Streams::input,
                             dumping.connection, into, {.inherited = {entries->get()}, .writes = true});
    if (!restore) {
        return std::move(restore).error();
    }
    const std::stop_callback end(dumping.stop, [&restore] { restore->end(); });
    stream::FdSink input(restore->input(), "pg_restore");
    auto passed = archive.front().pass(input);
    // Why it reads no more is on its stderr.
    const bool reader_gone = !passed && passed.error().kind == ErrorKind::interrupted && !dumping.stop.stop_requested();
    if (!passed && !reader_gone) {
        return passed;
    }
    restore->close_input();
    return restore->wait(dumping.stop);
}

Status look_at_schema(const Dumping& dumping, const catalogue::DatabaseRecord& record, const std::string& database,
                      ArchiveLook& look) {
    stream::Discard nowhere;
    return run_schema_into(dumping, record, database, *look.tap(nowhere));
}

Result<std::map<std::string, std::string>> texts_of(const Dumping& dumping, const catalogue::DatabaseRecord& record,
                                                    const std::string& database, const std::set<std::string>& names) {
    Texts texts(names);
    if (auto ran = run_schema_into(dumping, record, database, texts); !ran) {
        return std::move(ran).error();
    }
    return std::move(texts).found();
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
