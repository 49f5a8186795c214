// Expected failure as a value that nobody can drop.
//
// Shaped like std::expected, which gcc 12 does not have yet at C++20: a later swap is a rename.
// Result<T> holds either a T or an Error; Status holds nothing or an Error.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace lifeboat {

// What went wrong, as far as a caller acts on it: the exit code and whether a retry can help.
enum class ErrorKind {
    failed,       // it did not work, and another try would not help by itself
    temporary,    // a server, network or disk that may be well again later
    busy,         // another run is at work there; it can be tried when that has ended
    usage,        // the command line, the configuration or an input that the user wrote
    not_found,    // the thing asked for does not exist
    exists,       // it is there already, with other content, and may not be replaced
    corrupt,      // stored bytes are not what was recorded, or not what their format says
    refused,      // could have been done, and was not, to protect data
    interrupted,  // someone asked us to stop
};

// `what` is lower case and names the object: "bucket 'pg-main' refused part 7 (403)".
// `next` is one instruction that a tired person can follow; empty where there is none.
// `detail` says more where it may be said: what a child printed, names of tables. It goes to the terminal and
// the pod's own log, and never into what is stored or served.
// None of them ever holds a secret or a row of anyone's table.
struct Error {
    ErrorKind kind = ErrorKind::failed;
    std::string what;
    std::string next;
    std::string detail = {};
};

// What and detail in one line, for the terminal and the log.
inline std::string whole_text(const Error& error) {
    return error.detail.empty() ? error.what : error.what + ": " + error.detail;
}

inline Error failed(std::string what, std::string next = {}) {
    return {ErrorKind::failed, std::move(what), std::move(next)};
}

// The same error, said by someone further out: "restore 'app': " + what.
inline Error in_context(const std::string& context, Error error) {
    error.what = context + ": " + error.what;
    return error;
}

template <class T>
class [[nodiscard]] Result {
public:
    using value_type = T;

    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    // Only when ok().
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    // Only when not ok().
    [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
    [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    using value_type = void;

    Result() = default;
    Result(Error error) : error_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const noexcept { return error_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }
    [[nodiscard]] const Error& error() const& { return std::get<1>(error_); }
    [[nodiscard]] Error&& error() && { return std::get<1>(std::move(error_)); }

private:
    std::variant<std::monostate, Error> error_;
};

using Status = Result<void>;

inline Status done() {
    return {};
}

}  // namespace lifeboat
