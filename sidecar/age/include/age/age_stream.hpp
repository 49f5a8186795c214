// Streams of the age file format, version 1: https://c2sp.org/age. Binary form only, no armor.
#pragma once

#include "age/keys.hpp"
#include "result/result.hpp"
#include "stream/sink.hpp"

#include <memory>
#include <vector>

namespace lifeboat::age {

// Encrypts what is written to it and passes the age file on to `next`. The header goes out with the
// first write or with finish(). Holds one 64 KiB chunk.
//
// ErrorKind::usage when `recipients` is empty or one of them is no usable public key.
Result<std::unique_ptr<stream::Sink>> encryptor(const std::vector<Recipient>& recipients, stream::Sink& next);

// Opens the age file that is written to it with the first of `identities` that fits and passes the
// plaintext on to `next`, chunk by chunk, each only after it was authenticated. `finish` fails unless the
// last chunk was there and marked as last. Pieces may be of any size, down to single bytes.
//
// Errors: ErrorKind::usage when no identity fits (counted, and which kinds of recipients the file has), or
// when the file is armored or encrypted to a passphrase; ErrorKind::corrupt for anything that is not a
// whole, unchanged age file, naming the header's line or the payload's chunk (the first is chunk 1) and the
// byte of the file where it begins. A header longer than 1 MiB is refused. Holds two 64 KiB chunks.
//
// After corrupt input `next` has received authentic chunks only, in order and from the first on, but maybe
// not all: what it has is good for nothing but being thrown away.
std::unique_ptr<stream::Sink> decryptor(const std::vector<Identity>& identities, stream::Sink& next);

}  // namespace lifeboat::age
