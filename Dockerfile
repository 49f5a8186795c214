# Lifeboat's image: the program, the libraries that it needs, and PostgreSQL's own client programs.
# docs/image.md says what is inside, and how to build it for places without PostgreSQL's package repository.

# A release of Debian: trixie, bookworm.
ARG SUITE=trixie
# pgdg: clients of PG_MAJORS from PostgreSQL's own repository. debian: the one client that the Debian release has.
ARG PG_SOURCE=pgdg
ARG PGDG_URL=https://apt.postgresql.org/pub/repos/apt
# Which PostgreSQL servers can be backed up: one client a major, since an archive is made by the server's own version.
ARG PG_MAJORS="14 15 16 17 18"

FROM debian:${SUITE}-slim AS base
ENV LC_ALL=C.UTF-8
# Documentation is read elsewhere. Copyright files stay, as the licences ask.
RUN printf '%s\n' 'path-exclude /usr/share/doc/*' 'path-include /usr/share/doc/*/copyright' 'path-exclude /usr/share/man/*' \
        'path-exclude /usr/share/info/*' 'path-exclude /usr/share/locale/*' 'path-exclude /usr/share/lintian/*' \
        >/etc/dpkg/dpkg.cfg.d/lifeboat && \
    apt-get -qq update && \
    apt-get -qqy install --no-install-recommends ca-certificates tzdata && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/*.log
ARG PG_SOURCE
ARG PGDG_URL
ARG SUITE
# The repository's key comes in a package of Debian's (which of the two depends on the release), so Debian's signature
# vouches for it.
RUN case $PG_SOURCE in \
    debian) ;; \
    pgdg) \
        mkdir /tmp/key && cd /tmp/key && apt-get -qq update && \
        apt-get -qq download postgresql-common postgresql-client-common && \
        for package in *.deb; do dpkg-deb --extract "$package" . || exit; done && \
        install -m 0644 usr/share/postgresql-common/pgdg/apt.postgresql.org.asc /usr/share/keyrings/pgdg.asc && \
        printf '%s\n' 'Types: deb' "URIs: $PGDG_URL" "Suites: $SUITE-pgdg" 'Components: main' \
            'Signed-By: /usr/share/keyrings/pgdg.asc' >/etc/apt/sources.list.d/pgdg.sources && \
        rm -rf /tmp/key /var/lib/apt/lists/* /var/cache/apt/*.bin ;; \
    *) echo "PG_SOURCE is '$PG_SOURCE'; it is pgdg or debian" >&2; exit 2 ;; \
    esac

# The packages of the clients bring Perl for a wrapper that nobody calls here. So only the programs go on, along with
# their packages' entries in the form that scanners read of images without a package manager (status.d), and a list of
# the packages that hold the libraries which they are linked to.
FROM base AS clients
ARG PG_MAJORS
ARG PG_SOURCE
RUN apt-get -qq update && \
    if [ "$PG_SOURCE" = debian ]; then \
        packages=$(apt-cache depends postgresql-client | sed -n 's/^ *Depends: \(postgresql-client-[0-9]*\)$/\1/p'); \
    else \
        packages=$(printf 'postgresql-client-%s\n' $PG_MAJORS); \
    fi && \
    apt-get -qqy install --no-install-recommends binutils dpkg-dev $packages && \
    for package in $packages; do \
        bin=/usr/lib/postgresql/${package##*-}/bin && mkdir -p /out$bin && \
        cp $bin/pg_dump $bin/pg_dumpall $bin/pg_restore $bin/psql /out$bin && \
        install -D -m 0644 -t /out/usr/share/doc/$package /usr/share/doc/$package/copyright && \
        mkdir -p /out/var/lib/dpkg/status.d && dpkg-query --status $package >/out/var/lib/dpkg/status.d/$package || exit; \
    done && \
    mkdir -p /needed/debian && cd /needed && printf 'Source: clients\n\nPackage: clients\nArchitecture: any\n' >debian/control && \
    dpkg-shlibdeps -O --warnings=0 /out/usr/lib/postgresql/*/bin/* | \
        sed -e 's/^shlibs:Depends=//' -e 's/([^)]*)//g' -e 's/,/\n/g' >clients && test -s clients

FROM base AS program
RUN apt-get -qq update && \
    apt-get -qqy install --no-install-recommends cmake dpkg-dev g++ ninja-build pkg-config \
        libcli11-dev libcurl4-openssl-dev libhowardhinnant-date-dev libmicrohttpd-dev libpq-dev libpugixml-dev \
        libseccomp-dev libspdlog-dev libssl-dev libtomlplusplus-dev libxxhash-dev libzstd-dev nlohmann-json3-dev \
        prometheus-cpp-dev zlib1g-dev
COPY . /src
ARG VERSION=0.1.0
RUN if [ "$(cat /src/VERSION)" != "$VERSION" ]; then \
        echo "the build argument VERSION is $VERSION, and the file VERSION says $(cat /src/VERSION)" >&2; exit 2; \
    fi && \
    cmake -S /src -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DLIFEBOAT_TESTS=OFF && \
    ninja --quiet -C /build lifeboat && \
    install -D --strip /build/lifeboat /out/usr/bin/lifeboat && \
    install -D -m 0644 /src/LICENSE /out/usr/share/doc/lifeboat/copyright
# Libraries that are linked to, and those of which the program holds a part itself.
RUN mkdir -p /needed/debian && cd /needed && printf 'Source: lifeboat\n\nPackage: lifeboat\nArchitecture: any\n' >debian/control && \
    dpkg-shlibdeps -O --warnings=0 /out/usr/bin/lifeboat | \
        sed -e 's/^shlibs:Depends=//' -e 's/([^)]*)//g' -e 's/,/\n/g' >program && test -s program && \
    dpkg-query --show --showformat '${Package} ${Version} ${Architecture}\n' libcli11-dev nlohmann-json3-dev \
        >/out/usr/share/doc/lifeboat/compiled-in

FROM base
COPY --from=clients /needed/clients /tmp/needed/
COPY --from=program /needed/program /tmp/needed/
RUN apt-get -qq update && \
    apt-get -qqy install --no-install-recommends $(cat /tmp/needed/*) && \
    rm -rf /tmp/needed /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/log/apt /var/log/*.log && \
    find / -xdev -type f -perm /6000 -exec chmod a-s '{}' + && \
    echo 'lifeboat:x:65532:65532:Lifeboat:/nonexistent:/usr/sbin/nologin' >>/etc/passwd && \
    echo 'lifeboat:x:65532:' >>/etc/group
COPY --from=clients /out /
COPY --from=program /out /

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Lifeboat" \
      org.opencontainers.image.description="Off-cluster Postgres backups, encrypted and provable" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# A number, so that the kubelet can tell that it is not root; and not 26, which CloudNativePG's servers run as.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/bin/lifeboat"]
CMD ["run"]
