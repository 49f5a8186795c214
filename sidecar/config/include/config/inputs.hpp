// All that loading depends on, taken down, so that the same settings can be had again from it later or elsewhere.
//
// The sidecar keeps the inputs of its last valid settings and hands them to the children that it starts: what someone
// writes into a file meanwhile, half or wrong, does not reach a run that has begun.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string_view>

#include "config/load.hpp"
#include "result/result.hpp"
#include "secret/secret.hpp"

namespace lifeboat::config {

// A value. It holds every secret that the settings hold, so nothing of it can be printed or compared; to_json() is
// the only way out, and gives a Secret.
class Inputs {
public:
    // Nothing of the process's environment but what load() can look at: LIFEBOAT_*, AWS_*, PG* and HOME.
    explicit Inputs(const Sources& sources);

    // Any bytes in paths, values and contents come back as they were. The form is ours alone and may change with any
    // version: both ends must be the same binary.
    [[nodiscard]] Secret to_json() const;

    // The error (kind failed) quotes nothing of the text.
    static Result<Inputs> from_json(std::string_view text);

private:
    friend struct Recording;
    friend Sources replay(Inputs inputs);

    Inputs() = default;

    Sources sources_;  // all but its `read`
    std::map<std::filesystem::path, Result<Secret>> files_;
};

// `sources`, whose answers are kept. A file is read once: when it is asked for again, the first answer is given again,
// so the settings come from one state of each file. Not for use by several threads at once.
struct Recording {
    explicit Recording(const Sources& from);

    Sources sources;                       // to load from; may outlive the Recording
    std::shared_ptr<const Inputs> inputs;  // grows while one loads
};

// Sources that give the recorded answers. No file is touched, and one that was not read then is an error now: load for
// no more needs than were recorded.
Sources replay(Inputs inputs);

}  // namespace lifeboat::config
