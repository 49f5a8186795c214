// What reading along costs a backup: the same command's output through the line of a backup, into a folder store, with
// and without the reader, in turns within one run.
//
//   bench_overhead FOLDER ROUNDS COMMAND [ARGUMENT...]
//   bench_overhead /var/tmp/overhead 5 /usr/bin/pg_dump --format=custom --compress=0 app
//
// FOLDER is made, and holds what one backup stores at a time. The command gets our environment.
#include "age/keys.hpp"
#include "archive/contents.hpp"
#include "backup/outgoing_stream.hpp"
#include "os/child_process.hpp"
#include "store/directory_store.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <vector>

using namespace lifeboat;

namespace {

constexpr std::size_t piece_size = std::size_t{64} << 10U;  // what a backup reads from pg_dump at once
constexpr int level = 3;

struct Measured {
    double wall = 0;
    double cpu = 0;  // of this process, all its threads; not of the command
};

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class T>
T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", whole_text(result.error()).c_str());
        std::exit(EXIT_FAILURE);
    }
    return std::move(result).value();
}

void must(const Status& status) {
    if (!status) {
        std::fprintf(stderr, "%s\n", whole_text(status.error()).c_str());
        std::exit(EXIT_FAILURE);
    }
}

os::ChildOptions options_of(std::span<char*> command) {
    os::ChildOptions options;
    options.program = command.front();
    options.arguments.assign(command.begin() + 1, command.end());
    for (char** variable = environ; *variable != nullptr; ++variable) {
        options.environment.emplace_back(*variable);
    }
    options.pipe_stdout = true;
    options.own_stderr = false;
    return options;
}

void copy(os::ChildProcess& child, stream::Sink& to) {
    std::array<std::byte, piece_size> buffer{};
    while (const auto got = must(os::read_some(child.standard_output().get(), buffer))) {
        must(to.write(stream::Bytes(buffer).first(got)));
    }
    must(to.finish());
    if (const auto ended = child.wait(); !ended.success()) {
        must(failed("the command ended with " + ended.text()));
    }
}

Measured measure(store::ObjectStore& store, const age::Recipient& recipient, std::span<char*> command, bool reading) {
    const auto key = must(store::ObjectKey::parse("overhead/dump.zst.age"));
    const auto began = std::chrono::steady_clock::now();
    const auto cpu_before = cpu_seconds();
    auto child = must(os::ChildProcess::start(options_of(command)));
    auto out = must(backup::OutgoingStream::open(store, key, level, {recipient}));
    if (reading) {
        archive::ContentsTap tap(*out);
        copy(child, tap);
        must(tap.reader().verdict());
    } else {
        copy(child, *out);
    }
    const auto objects = must(out->commit());
    const Measured measured{std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(),
                            cpu_seconds() - cpu_before};
    std::printf("%-8s %10.2f %10.2f %12.1f\n", reading ? "with" : "without", measured.wall, measured.cpu,
                static_cast<double>(out->bytes_in()) / 1e6);
    std::fflush(stdout);
    for (const auto& object : objects) {
        must(store.remove(object.key, ""));
    }
    return measured;
}

double median(const std::vector<Measured>& all, double Measured::*which) {
    std::vector<double> values;
    std::transform(all.begin(), all.end(), std::back_inserter(values), [which](const auto& one) { return one.*which; });
    std::sort(values.begin(), values.end());
    const auto middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace

int main(int argc, char** argv) {
    const auto arguments = std::span(argv, static_cast<std::size_t>(argc));
    const int rounds = arguments.size() < 4 ? 0 : std::atoi(arguments[2]);
    if (rounds < 1) {
        std::fprintf(stderr, "usage: bench_overhead FOLDER ROUNDS COMMAND [ARGUMENT...]\n");
        return 2;
    }
    const auto store = must(store::open_directory(arguments[1]));
    const auto recipient = must(age::Identity::generate()).recipient();
    const auto command = arguments.subspan(3);
    std::printf("reader   wall (s)    CPU (s)    archive (MB)\n");
    measure(*store, recipient, command, true);  // does not count: everybody finds the files in the cache
    std::vector<Measured> with;
    std::vector<Measured> without;
    for (int round = 0; round < rounds; ++round) {
        for (const bool reading : {round % 2 == 0, round % 2 != 0}) {
            (reading ? with : without).push_back(measure(*store, recipient, command, reading));
        }
    }
    std::printf(
        "with/without, medians: wall %.3f, CPU %.3f; best of each: wall %.3f\n",
        median(with, &Measured::wall) / median(without, &Measured::wall),
        median(with, &Measured::cpu) / median(without, &Measured::cpu),
        std::min_element(with.begin(), with.end(), [](auto a, auto b) { return a.wall < b.wall; })->wall /
            std::min_element(without.begin(), without.end(), [](auto a, auto b) { return a.wall < b.wall; })->wall);
    return 0;
}
