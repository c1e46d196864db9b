namespace RaftKv.Server.Peers;

/// <summary>For code that has a thread to itself, and may stand still on it: nobody else waits for that thread.</summary>
internal static class OwnThread
{
#pragma warning disable VSTHRD002, CA2012 // The thread is nobody's but the caller's, and each task is used here alone.
    public static T Await<T>(ValueTask<T> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : task.AsTask().GetAwaiter().GetResult();

    public static T Await<T>(Task<T> task) => task.GetAwaiter().GetResult();

    public static void Await(Task task) => task.GetAwaiter().GetResult();

    public static void Await(ValueTask task) => task.AsTask().GetAwaiter().GetResult();
#pragma warning restore VSTHRD002, CA2012
}
