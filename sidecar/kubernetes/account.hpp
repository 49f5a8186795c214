// Who this pod is to the API server, and how to reach it: what Kubernetes puts into every pod.
// https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
#pragma once

#include "kubernetes/reporter.hpp"
#include "result/result.hpp"
#include "secret/secret.hpp"

#include <string>
#include <string_view>

namespace lifeboat::kubernetes {

struct Identity {
    std::string name_space;
    std::string pod;
    std::string pod_uid;          // empty: the token does not tell it
    std::string service_account;  // empty: the same
};

// What one request needs.
struct Account {
    std::string url;  // "https://10.43.0.1:443", without a slash
    std::string ca;   // PEM; nothing else is trusted
    Secret token;
    Identity identity;
};

// As the files are now. The errors say which of them is missing and how a pod gets it.
Result<Account> read_account(const Surroundings& surroundings);

// What a token that is bound to a pod says of itself. It is a JSON web token, whose middle part are claims (KEP-1205:
// "kubernetes.io": {"namespace", "pod": {"name", "uid"}, "serviceaccount": {"name"}}). Nothing is verified, as nothing
// depends on it but the names in our own requests. Whatever is not there stays empty.
Identity claims_of(std::string_view token);

}  // namespace lifeboat::kubernetes
