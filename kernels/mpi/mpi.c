// The Node-API addon for MPI: moves bytes between processes. It adds nothing: MPI promises no order of additions.
//
// One thread of a process calls everything here but `leave` (MPI_THREAD_FUNNELED): the thread that called `init`.
// `transfer` waits by MPI_Testall with short sleeps, so that waiting takes no core from computing threads; it ends when
// another thread sets the word `cancel`, and when not all messages have arrived within a given time. It is compiled by
// mpicc for one MPI (src/train/mpi/compile-mpi.ts); nothing else of scanstroke links to it.
#include <mpi.h>
#include <node_api.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// A message is this many doubles of a plan: 0 to send or 1 to receive, the other rank, address, bytes.
enum { kDirection, kPeer, kAddress, kBytes, kWidth };

// Testing is repeated this often, about 20 µs, before the thread sleeps.
static const int kLooksBeforeSleep = 50;

static napi_value throw_error(napi_env env, const char* message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

// Throws what MPI says of an error code.
static napi_value throw_mpi(napi_env env, const char* call, int code) {
  char text[MPI_MAX_ERROR_STRING + 64];
  const int start = snprintf(text, sizeof text, "%s: ", call);
  int length = 0;
  if (MPI_Error_string(code, text + start, &length) != MPI_SUCCESS) snprintf(text + start, 32, "error %d", code);
  return throw_error(env, text);
}

static void set(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

static void set_number(napi_env env, napi_value object, const char* name, double value) {
  napi_value number;
  napi_create_double(env, value, &number);
  set(env, object, name, number);
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void sleep_microseconds(long microseconds) {
  const struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
  nanosleep(&time, NULL);
}

// init() → { rank, size, localSize, hosts, library }. localSize: ranks on this host. hosts: the host of each rank.
static napi_value init(napi_env env, napi_callback_info info) {
  int provided = 0, code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  if (code != MPI_SUCCESS) return throw_mpi(env, "MPI_Init_thread", code);
  if (provided < MPI_THREAD_FUNNELED) return throw_error(env, "MPI_Init_thread: this MPI allows no threads");
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  int rank = 0, size = 1, local_size = 1, length = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm local;
  code = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &local);
  if (code != MPI_SUCCESS) return throw_mpi(env, "MPI_Comm_split_type", code);
  MPI_Comm_size(local, &local_size);
  MPI_Comm_free(&local);

  char own[MPI_MAX_PROCESSOR_NAME] = "";
  MPI_Get_processor_name(own, &length);
  char* names = calloc(size, sizeof own);
  if (!names) return throw_error(env, "MPI: no memory for the names of hosts");
  code = MPI_Allgather(own, sizeof own, MPI_CHAR, names, sizeof own, MPI_CHAR, MPI_COMM_WORLD);
  napi_value result, hosts, text;
  napi_create_object(env, &result);
  napi_create_array_with_length(env, size, &hosts);
  for (int each = 0; each < size && code == MPI_SUCCESS; each++) {
    const char* name = names + each * sizeof own;
    napi_create_string_utf8(env, name, strnlen(name, sizeof own), &text);
    napi_set_element(env, hosts, each, text);
  }
  free(names);
  if (code != MPI_SUCCESS) return throw_mpi(env, "MPI_Allgather", code);

  char library[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  MPI_Get_library_version(library, &length);
  napi_create_string_utf8(env, library, length, &text);
  set(env, result, "library", text);
  set(env, result, "hosts", hosts);
  set_number(env, result, "rank", rank);
  set_number(env, result, "size", size);
  set_number(env, result, "localSize", local_size);
  return result;
}

// address(array) → of the data of a typed array on shared memory, whose memory does not move.
static napi_value address(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value array, result;
  void* data = NULL;
  napi_get_cb_info(env, info, &count, &array, NULL, NULL);
  if (napi_get_typedarray_info(env, array, NULL, NULL, &data, NULL, NULL) != napi_ok)
    return throw_error(env, "MPI: a buffer is no typed array");
  napi_create_double(env, (double)(uintptr_t)data, &result);
  return result;
}

// Frees requests that will not be waited for. Receives are cancelled, so that their memory may go.
static void give_up(MPI_Request* requests, int count) {
  for (int n = 0; n < count; n++)
    if (requests[n] != MPI_REQUEST_NULL) {
      MPI_Cancel(&requests[n]);
      MPI_Request_free(&requests[n]);
    }
}

// The ranks from which messages are missing, or, if none are, those that have not taken theirs.
static napi_value missing_ranks(napi_env env, const double* plan, MPI_Request* requests, int count) {
  napi_value list, number;
  napi_create_array(env, &list);
  uint32_t found = 0;
  for (int direction = 1; direction >= 0 && found == 0; direction--) {
    int last = -1;
    for (int n = 0; n < count; n++) {
      const double* message = plan + n * kWidth;
      if (requests[n] == MPI_REQUEST_NULL || (int)message[kDirection] != direction || (int)message[kPeer] == last) continue;
      last = (int)message[kPeer];
      napi_create_int32(env, last, &number);
      napi_set_element(env, list, found++, number);
    }
  }
  return list;
}

// transfer(plan, messages, seconds, cancel): sends and receives all messages at once.
// Returns null when all have arrived; [] when `cancel` became 1; the missing ranks after `seconds` without an end.
// Messages between two ranks arrive in the order in which both plans name them.
static napi_value transfer(napi_env env, napi_callback_info info) {
  size_t arguments = 4;
  napi_value values[4], result = NULL;
  void *plan_data = NULL, *cancel_data = NULL;
  int32_t count = 0;
  double patience = 0;
  napi_get_cb_info(env, info, &arguments, values, NULL, NULL);
  napi_get_typedarray_info(env, values[0], NULL, NULL, &plan_data, NULL, NULL);
  napi_get_value_int32(env, values[1], &count);
  napi_get_value_double(env, values[2], &patience);
  napi_get_typedarray_info(env, values[3], NULL, NULL, &cancel_data, NULL, NULL);
  if (arguments != 4 || !plan_data || !cancel_data) return throw_error(env, "MPI: transfer needs a plan and a word");
  const double* plan = plan_data;
  const int32_t* cancel = cancel_data;
  MPI_Request* requests = malloc((count + 1) * sizeof *requests);
  MPI_Status* statuses = malloc((count + 1) * sizeof *statuses);
  int code = requests && statuses ? MPI_SUCCESS : MPI_ERR_NO_MEM, posted = 0;
  // Receives first: a message that is expected needs no copy.
  for (int n = 0; n < count && requests; n++) requests[n] = MPI_REQUEST_NULL;
  for (int direction = 1; direction >= 0; direction--)
    for (int n = 0; n < count && code == MPI_SUCCESS; n++) {
      const double* message = plan + n * kWidth;
      void* data = (void*)(uintptr_t)message[kAddress];
      const int bytes = (int)message[kBytes], peer = (int)message[kPeer];
      if ((int)message[kDirection] != direction) continue;
      code = direction ? MPI_Irecv(data, bytes, MPI_BYTE, peer, 0, MPI_COMM_WORLD, &requests[n])
                       : MPI_Isend(data, bytes, MPI_BYTE, peer, 0, MPI_COMM_WORLD, &requests[n]);
      posted++;
    }
  double waited = 0, last = seconds_now();
  int done = count == 0;
  for (int look = 0; code == MPI_SUCCESS; look++) {
    code = MPI_Testall(count, requests, &done, statuses);
    if (code == MPI_ERR_IN_STATUS)
      for (int n = 0; n < count && code == MPI_ERR_IN_STATUS; n++)
        if (statuses[n].MPI_ERROR != MPI_SUCCESS && statuses[n].MPI_ERROR != MPI_ERR_PENDING) code = statuses[n].MPI_ERROR;
    if (done || code != MPI_SUCCESS) break;
    if (__atomic_load_n(cancel, __ATOMIC_SEQ_CST)) break;
    const double now = seconds_now();
    // A process that was suspended has not waited meanwhile.
    waited += now - last < 1 ? now - last : 1;
    last = now;
    if (waited > patience) break;
    if (look > kLooksBeforeSleep) sleep_microseconds(waited < 0.01 ? 20 : waited < 1 ? 200 : 1000);
  }
  if (code != MPI_SUCCESS) {
    throw_mpi(env, "MPI", code);
  } else if (done) {
    napi_get_null(env, &result);
  } else {
    if (waited > patience) {
      int each;
      for (int n = 0; n < count; n++)
        if (requests[n] != MPI_REQUEST_NULL) MPI_Test(&requests[n], &each, MPI_STATUS_IGNORE);
      result = missing_ranks(env, plan, requests, count);
    } else {
      napi_create_array(env, &result);
    }
    give_up(requests, count);
  }
  free(requests);
  free(statuses);
  return result;
}

// MPICH over UCX and TCP may wait in MPI_Finalize for ever: a rank that closes its connections waits for answers of ranks
// that wait for it without answering. So all ranks answer for a while before.
static const double kDrainSeconds = 0.1;

// finalize(). All ranks call it at about the same time.
static napi_value finalize(napi_env env, napi_callback_info info) {
  int size = 1, found = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (const double start = seconds_now(); size > 1 && seconds_now() - start < kDrainSeconds; sleep_microseconds(200))
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &found, MPI_STATUS_IGNORE);
  const int code = MPI_Finalize();
  return code == MPI_SUCCESS ? NULL : throw_mpi(env, "MPI_Finalize", code);
}

// leave(code): ends this process at once, also while another thread is in MPI. Any thread may call it.
static napi_value leave(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t code = 1;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_int32(env, argument, &code);
  _exit(code);
}

// abort(code): ends all ranks.
static napi_value abort_ranks(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t code = 1;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_int32(env, argument, &code);
  MPI_Abort(MPI_COMM_WORLD, code);
  return NULL;
}

static void add_function(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
  set(env, exports, name, function);
}

NAPI_MODULE_INIT() {
  add_function(env, exports, "init", init);
  add_function(env, exports, "address", address);
  add_function(env, exports, "transfer", transfer);
  add_function(env, exports, "finalize", finalize);
  add_function(env, exports, "abort", abort_ranks);
  add_function(env, exports, "leave", leave);
  return exports;
}
