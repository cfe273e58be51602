/*
 * A broadcast server on uWebSockets, as its own examples broadcast: clients subscribe to a topic, and a timer publishes. The message is
 * that of nestjs-push. It publishes itself, because a command for each event would be work that the others do not have.
 *
 * It is not built with the rest. With uWebSockets and uSockets, as they are on GitHub, beside this file:
 *
 *   cd uSockets
 *   cc -O3 -DLIBUS_NO_SSL -Isrc -c src/bsd.c src/context.c src/loop.c src/socket.c src/udp.c src/eventing/epoll_kqueue.c
 *   cd ..
 *   c++ -std=c++20 -O3 -DUWS_NO_ZLIB -DLIBUS_NO_SSL -IuWebSockets/src -IuSockets/src uws.cpp uSockets/*.o -o uws
 *
 * It prints its port. A line of its input, "<events a second> <milliseconds>", is answered with the number of the next event.
 */
#include "App.h"

#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <thread>

struct NoData {};

static uWS::App *app;
static uint64_t next_event = 0;

/** A run of events at a fixed rate. */
static struct {
    uint64_t start, count, sent = 0;
    double between;
    bool is_on = false;
} run;

static uint64_t microseconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000ull + now.tv_nsec / 1000;
}

static void publish() {
    char message[512];
    int length = snprintf(message, sizeof message,
        "{\"event\":\"message\",\"data\":{\"topic\":\"bench.0\",\"id\":\"9f2c41d07b3e-%" PRIu64 "\",\"data\":"
        "{\"n\":\"%012" PRIu64 "\",\"t\":\"%016" PRIu64 "\",\"p\":\"~~~~~~~~~~~~~~~~~~~~~~~~~~\"}}}",
        next_event + 1, next_event, microseconds());
    next_event++;
    app->publish("bench", std::string_view(message, length), uWS::OpCode::TEXT);
}

/** Publishes what is due. */
static void tick(us_timer_t *) {
    if (!run.is_on) return;
    uint64_t due = (microseconds() - run.start) / run.between + 1;
    while (run.sent < run.count && run.sent < due) {
        publish();
        run.sent++;
    }
    if (run.sent < run.count) return;
    run.is_on = false;
    printf("%" PRIu64 "\n", next_event);
    fflush(stdout);
}

int main() {
    uWS::App server;
    app = &server;
    server.ws<NoData>("/events", {
        .maxBackpressure = 64 * 1024 * 1024,
        .open = [](auto *client) { client->subscribe("bench"); },
    }).listen("127.0.0.1", 0, [](us_listen_socket_t *socket) {
        printf("%d\n", us_socket_local_port(0, (us_socket_t *) socket));
        fflush(stdout);
    });

    auto *loop = uWS::Loop::get();
    us_timer_t *timer = us_create_timer((us_loop_t *) loop, 0, 0);
    us_timer_set(timer, tick, 1, 1);

    std::thread input([loop] {
        double per_second, milliseconds;
        while (scanf("%lf %lf", &per_second, &milliseconds) == 2)
            loop->defer([per_second, milliseconds] {
                run.start = microseconds();
                run.count = per_second * milliseconds / 1000;
                run.between = 1e6 / per_second;
                run.sent = 0;
                run.is_on = true;
            });
        // Whoever has started it is gone.
        exit(0);
    });
    input.detach();
    server.run();
}
