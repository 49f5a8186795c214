// What reading the contents of an archive costs: CPU seconds for a GB, on archives of rows of several widths, cut into
// chunks as pg_dump up to 18 does (one for each row) and as 19 does. Or on archives that are named as arguments.
#include "archive/contents.hpp"

#include <ctime>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using lifeboat::archive::ContentsReader;
using lifeboat::stream::as_bytes;

constexpr std::size_t piece_size = std::size_t{64} << 10U;  // what a backup reads from pg_dump at once
constexpr std::size_t archive_size = 1'000'000'000;

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void append_int(std::string& archive, std::uint32_t value) {
    archive += '\0';
    for (unsigned shift = 0; shift < 32; shift += 8) {
        archive += static_cast<char>(value >> shift & 0xFFU);
    }
}

void append_text(std::string& archive, std::string_view text) {
    append_int(archive, static_cast<std::uint32_t>(text.size()));
    archive += text;
}

// An archive of version 1.14 with one table, up to and with the beginning of its data block.
std::string head() {
    std::string archive("PGDMP\x01\x0E\x00\x04\x08\x01", 11);
    for (int i = 0; i < 8; ++i) {
        append_int(archive, 0);  // the compression and the time
    }
    for (const auto* text : {"app", "15.20", "15.20"}) {
        append_text(archive, text);
    }
    append_int(archive, 1);
    append_int(archive, 5);
    append_int(archive, 1);
    for (const auto* text : {"0", "0", "t", "TABLE DATA"}) {
        append_text(archive, text);
    }
    append_int(archive, 3);
    for (const auto* text : {"", "", "COPY s.t (a) FROM stdin;\n", "s", "", "", "app", "false"}) {
        append_text(archive, text);
    }
    archive += std::string("\x01\x01\x00\x00\x00", 5) + '\x01' + std::string(8, '\0');
    archive += '\x01';
    append_int(archive, 5);
    return archive;
}

// About 16 MiB of rows, so that they do not all stand in the cache.
std::string rows_of(std::size_t width, std::size_t chunk_size) {
    std::string text;
    std::string cut;
    std::uint64_t random = 42;
    while (text.size() < (std::size_t{16} << 20U)) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        std::string row = std::to_string(random >> 20U) + "\t";
        while (row.size() + 1 < width) {
            row += std::to_string(random + row.size()) + "\t";
        }
        row.resize(width - 1 - random % (width / 4));
        row += '\n';
        text += row;
        if (chunk_size == 0) {
            append_text(cut, row);
        }
    }
    for (std::string_view rest = text; chunk_size != 0 && !rest.empty();
         rest.remove_prefix(std::min(chunk_size, rest.size()))) {
        append_text(cut, rest.substr(0, chunk_size));
    }
    return cut;
}

void feed(ContentsReader& reader, std::string_view bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece_size, bytes.size()))) {
        reader.feed(as_bytes(bytes.substr(0, piece_size)));
    }
}

bool report(const std::string& name, ContentsReader& reader, double seconds, double bytes) {
    reader.finish();
    std::uint64_t rows = 0;
    for (const auto& table : reader.contents().tables) {
        rows += table.totals ? table.totals->rows : 0;
    }
    std::printf("%-34s %10.3f %12.1f %12llu\n", name.c_str(), seconds / bytes * 1e9, bytes / 1e6,
                static_cast<unsigned long long>(rows));
    if (!reader.verdict()) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), reader.verdict().error().what.c_str());
    }
    return reader.verdict().ok();
}

bool measure_rows(std::size_t width, std::size_t chunk_size) {
    const auto rows = rows_of(width, chunk_size);
    std::string end;
    append_text(end, "\\.\n\n\n");
    append_int(end, 0);
    ContentsReader reader;
    feed(reader, head());
    std::size_t bytes = 0;
    const auto before = cpu_seconds();
    for (; bytes < archive_size; bytes += rows.size()) {
        feed(reader, rows);
    }
    const auto seconds = cpu_seconds() - before;
    feed(reader, end);
    const auto chunks = chunk_size == 0 ? "a chunk each" : "chunks of " + std::to_string(chunk_size);
    return report("rows of " + std::to_string(width) + ", " + chunks, reader, seconds, static_cast<double>(bytes));
}

bool measure_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string archive(std::istreambuf_iterator<char>(file), {});
    ContentsReader reader;
    const auto before = cpu_seconds();
    feed(reader, archive);
    return report(path, reader, cpu_seconds() - before, static_cast<double>(archive.size()));
}

}  // namespace

int main(int count, char** arguments) {
    const std::vector<std::string> files(arguments + 1, arguments + count);
    std::printf("%-34s %10s %12s %12s\n", "", "CPU s/GB", "MB", "rows");
    bool good = true;
    for (const auto& file : files) {
        good = measure_file(file) && good;
    }
    for (const std::size_t width : {24U, 60U, 120U, 500U, 4000U, 1000000U}) {
        good = good && (!files.empty() || (measure_rows(width, 0) && measure_rows(width, 131'072)));
    }
    return good ? 0 : 1;
}
