/* A control of the crash rig: flushes that are reported as done at once and done a while later. Put before the C library
   with LD_PRELOAD, it makes an honest server acknowledge before its data is on the disk. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void *flush(void *argument)
{
    int file = (int)(intptr_t)argument;
    struct timespec late = {0, 50 * 1000 * 1000};
    nanosleep(&late, 0);
    syscall(SYS_fsync, file);
    close(file);
    return 0;
}

static int promise(int file)
{
    pthread_t thread;
    int copy = fcntl(file, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return -1;
    if (pthread_create(&thread, 0, flush, (void *)(intptr_t)copy) != 0)
        flush((void *)(intptr_t)copy);
    else
        pthread_detach(thread);
    return 0;
}

int fsync(int file)
{
    return promise(file);
}

int fdatasync(int file)
{
    return promise(file);
}
