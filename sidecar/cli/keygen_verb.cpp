#include "age/keys.hpp"
#include "os/clock.hpp"
#include "os/errno_text.hpp"
#include "os/fd.hpp"
#include "verbs.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

Secret file_text(const age::Identity& identity) {
    std::string text =
        "# created: " + os::utc_text(os::SystemClock().now()) + "\n# public key: " + identity.recipient().text() + "\n";
    text += identity.text().reveal();
    return Secret(text + "\n");
}

// Never over an existing file: it may hold the only key to every backup there is.
Status write_new_file(const std::string& path, const Secret& content) {
    const os::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) {
        const int error = errno;
        return Error{error == EEXIST ? ErrorKind::refused : ErrorKind::failed,
                     "cannot create " + path + ": " + os::errno_text(error),
                     error == EEXIST ? "choose another name; a key file is never overwritten"
                                     : "choose a folder that this user may write"};
    }
    const auto text = content.reveal();
    int error = os::write_all(file.get(), std::as_bytes(std::span(text.data(), text.size())));
    if (error == 0 && ::fsync(file.get()) != 0) {
        error = errno;
    }
    if (error != 0) {
        ::unlink(path.c_str());
        return failed("cannot write " + path + ": " + os::errno_text(error));
    }
    return done();
}

Result<ExitCode> keygen(const std::string& output, bool json) {
    auto identity = age::Identity::generate();
    if (!identity) {
        return std::move(identity).error();
    }
    const Secret content = file_text(*identity);
    if (output.empty()) {
        print(std::string(content.reveal()));
    } else if (auto written = write_new_file(output, content); !written) {
        return std::move(written).error();
    }
    if (json && !output.empty()) {
        print_line(Json{{"public_key", identity->recipient().text()}, {"file", output}}.dump(
            2, ' ', false, Json::error_handler_t::replace));
    } else if (!output.empty() || !is_terminal(STDOUT_FILENO)) {
        std::fprintf(stderr, "Public key: %s\n", identity->recipient().text().c_str());
    }
    return ExitCode::done;
}

}  // namespace

void add_keygen(CLI::App& app, Action& action) {
    auto& verb = add_verb(app, "keygen", "Make an age key pair (the same file as age-keygen makes)",
                          "  lifeboat keygen -o key.txt          keep this file off the cluster, twice\n"
                          "  lifeboat keygen | age -p > key.age  keep it under a passphrase\n");
    const auto output = std::make_shared<std::string>();
    verb.add_option("-o,--output", *output, "Write the key to this new file, mode 0600 [standard output]")
        ->type_name("FILE");
    verb.callback(
        [&action, output] { action = [output](Session& session) { return keygen(*output, session.flags.json); }; });
}

}  // namespace lifeboat::cli
