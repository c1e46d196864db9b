using System.Runtime.InteropServices;

namespace RaftKv.Server.Hosting;

/// <summary>A thread for long work that nobody waits for: it gives way to all others.</summary>
internal static partial class QuietThread
{
    // Of 20 steps down. A thread there gets a tenth of what an ordinary one does where both want a core.
    private const int Steps = 10;

    /// <summary>Runs something on such a thread.</summary>
    /// <returns>Ends with it, and as it does.</returns>
    public static Task Run(string name, Action work)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                if (OperatingSystem.IsLinux())
                {
                    // There is no harm in it being refused.
                    _ = SetPriority(which: 0, who: 0, Steps);
                }

                work();
                ended.SetResult();
            }
            catch (Exception failure)
            {
                ended.SetException(failure);
            }
        })
        {
            Name = name,
            IsBackground = true,

            // What Linux passes over.
            Priority = ThreadPriority.BelowNormal,
        };
        thread.Start();
        return ended.Task;
    }

    // To Linux, process 0 is the calling thread.
    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int priority);
}
