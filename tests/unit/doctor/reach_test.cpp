#include "doctor/reach.hpp"

#include <gtest/gtest.h>

namespace lifeboat::doctor {
namespace {

TEST(ReachOf, AServiceOfTheClusterIsInside) {
    for (const auto* host :
         {"minio", "minio.storage.svc", "minio.storage.svc.cluster.local", "s3.storage.svc.example.org"}) {
        EXPECT_EQ(reach_of(host), Reach::cluster) << host;
    }
}

TEST(ReachOf, Loopback) {
    for (const auto* host : {"127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "s3.localhost"}) {
        EXPECT_EQ(reach_of(host), Reach::this_machine) << host;
    }
}

TEST(ReachOf, PrivateNetworksBeginAndEndWhereTheyDo) {
    for (const auto* host : {"10.0.0.1", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.1.1", "100.64.0.1",
                             "169.254.1.1", "fd00::1", "[fc00::1]", "fe80::1", "s3.internal", "nas.local", "nas.lan"}) {
        EXPECT_EQ(reach_of(host), Reach::private_network) << host;
    }
    for (const auto* host : {"11.0.0.1", "9.255.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255",
                             "100.63.255.255", "100.128.0.0", "2001:db8::1", "[2a00::1]"}) {
        EXPECT_EQ(reach_of(host), Reach::outside) << host;
    }
}

TEST(ReachOf, AProvidersNameIsOutside) {
    EXPECT_EQ(reach_of("s3.us-west-004.backblazeb2.com"), Reach::outside);
    EXPECT_EQ(reach_of("svc.example.org"), Reach::outside);
}

}  // namespace
}  // namespace lifeboat::doctor
