/* Leans on the fence from inside: as a program of its own, and as code that has taken over ffmpeg (preloaded).
 * Writes one line an attempt, its name and the error number (0 if it went through), to `probe.txt`.
 * PROBE_OUTSIDE names a folder that is none of its business, with the files `secret` and `spare` in it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *out;

static void tell(const char *name, long result) {
  int number = result < 0 ? errno : 0;
  fprintf(out, "%s %d\n", name, number);
}

static void tell_open(const char *name, const char *path, int flags) {
  int fd = open(path, flags, 0600);
  tell(name, fd);
  if (fd >= 0) close(fd);
}

static void tell_socket(const char *name, int family, int type, int protocol) {
  int fd = socket(family, type, protocol);
  tell(name, fd);
  if (fd >= 0) close(fd);
}

/* In a child where there can be one, so that a start that works does not end the probe. */
static void tell_start(const char *name, int (*start)(void)) {
  pid_t child = fork();
  if (child < 0) {
    tell(name, start());
    return;
  }
  if (child == 0) {
    start();
    _exit(200 + errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  fprintf(out, "%s %d\n", name, code >= 200 ? code - 200 : 0);
}

static char *no_words[] = {"x", NULL};
static char *no_environment[] = {NULL};

static int start_true(void) { return execve("/bin/true", no_words, no_environment); }
static int start_itself(void) { return execve("/proc/self/exe", no_words, no_environment); }
static int start_opened(void) {
  int fd = open("/proc/self/exe", O_RDONLY);
  return fd < 0 ? -1 : (int)syscall(SYS_execveat, fd, "", no_words, no_environment, AT_EMPTY_PATH);
}

static void *thread(void *counter) {
  __atomic_fetch_add((int *)counter, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static void allowed(void) {
  int counter = 0, failed = 0;
  pthread_t threads[8];
  for (int i = 0; i < 8; i++) failed |= pthread_create(&threads[i], NULL, thread, &counter);
  if (!failed) for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
  errno = failed;
  tell("threads", counter == 8 ? 0 : -1);
  char text[5] = "";
  int fd = open("kept.bin", O_CREAT | O_RDWR | O_TRUNC, 0600);
  long done = fd < 0 ? -1 : write(fd, "kept", 4) + pread(fd, text, 4, 0);
  tell("job_file", done == 8 && !strcmp(text, "kept") ? 0 : -1);
  tell("job_truncate", ftruncate(fd, 2));
  close(fd);
  tell("job_rename", rename("kept.bin", "moved.bin"));
  tell("job_remove", unlink("moved.bin"));
  tell_open("loader_cache", "/etc/ld.so.cache", O_RDONLY);
  tell_open("null", "/dev/null", O_RDWR);
  struct rlimit limit;
  tell("read_limit", getrlimit(RLIMIT_NOFILE, &limit));
  void *memory = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  tell("memory", memory == MAP_FAILED ? -1 : 0);
  if (memory != MAP_FAILED) munmap(memory, 64 << 20);
}

static void files(const char *outside) {
  char path[4096];
  tell_open("passwd", "/etc/passwd", O_RDONLY);
  tell_open("list_root", "/", O_RDONLY | O_DIRECTORY);
  tell_open("init_environment", "/proc/1/environ", O_RDONLY);
  snprintf(path, sizeof path, "%s/secret", outside);
  tell_open("read_outside", path, O_RDONLY);
  tell_open("write_outside", path, O_WRONLY);
  tell_open("list_outside", outside, O_RDONLY | O_DIRECTORY);
  tell("cut_outside", truncate(path, 1));
  snprintf(path, sizeof path, "%s/new", outside);
  tell_open("make_outside", path, O_WRONLY | O_CREAT);
  snprintf(path, sizeof path, "%s/spare", outside);
  tell("remove_outside", unlink(path));
  snprintf(path, sizeof path, "/proc/%d/mem", getppid());
  tell_open("parent_memory", path, O_RDWR);
  snprintf(path, sizeof path, "/proc/%d/environ", getppid());
  tell_open("parent_environment", path, O_RDONLY);
  snprintf(path, sizeof path, "/proc/self/root%s/secret", outside);
  tell_open("around_the_corner", path, O_RDONLY);
  tell("symlink", symlink("/etc/passwd", "link"));
  tell("hard_link", link("probe.txt", "hard"));
  tell("folder", mkdir("folder", 0700));
  tell("unnamed_file", (int)syscall(SYS_memfd_create, "x", 0));
}

static void sockets(void) {
  tell_socket("tcp", AF_INET, SOCK_STREAM, 0);
  tell_socket("tcp6", AF_INET6, SOCK_STREAM, 0);
  tell_socket("udp", AF_INET, SOCK_DGRAM, 0);
  tell_socket("unix", AF_UNIX, SOCK_STREAM, 0);
  tell_socket("netlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  int pair[2];
  tell("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  /* On an open file: outside of the fence that is ENOTSOCK. */
  tell("connect", connect(fileno(out), (struct sockaddr *)&address, sizeof address));
  tell("ring", (int)syscall(SYS_io_uring_setup, 4, NULL));
}

static void processes(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  tell("fork", child);
  if (child > 0) waitpid(child, NULL, 0);
  tell_start("start_true", start_true);
  tell_start("start_itself", start_itself);
  tell_start("start_opened", start_opened);
  /* With no signal named: asks only whether it could. */
  tell("kill_parent", kill(getppid(), 0));
  tell("kill_parent_thread", (int)syscall(SYS_tgkill, getppid(), getppid(), 0));
  tell("trace_parent", ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)0x1000, 1};
  tell("read_parent", process_vm_readv(getppid(), &here, 1, &there, 1, 0));
  struct rlimit limit = {0, 0};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_max += 100;
  tell("raise_limit", setrlimit(RLIMIT_NOFILE, &limit));
  tell("parent_limit", prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit));
  tell("namespace", unshare(CLONE_NEWUSER));
  tell("mount", mount("none", ".", "tmpfs", 0, NULL));
  tell("key", (int)syscall(SYS_keyctl, 0, -3, 0));
  char clone_arguments[64] = "";
  tell("clone3", (int)syscall(SYS_clone3, clone_arguments, 0));
  void *memory = mmap(NULL, (size_t)8 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  tell("memory_8_gib", memory == MAP_FAILED ? -1 : 0);
}

__attribute__((constructor)) static void lean(void) {
  const char *outside = getenv("PROBE_OUTSIDE");
  /* Whatever it starts does not lean again, and the helper, which is preloaded too, stands before the fence. */
  if (!outside || !strcmp(program_invocation_short_name, "lpctl") || !(out = fopen("probe.txt", "w"))) return;
  setvbuf(out, NULL, _IONBF, 0);
  allowed();
  files(outside);
  sockets();
  processes();
  fclose(out);
}

#ifdef PROGRAM
int main(void) { return 0; }
#endif
