using System.Diagnostics;
using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Running;

/// <summary>Writes down what clients do and what is done to members, with the time of the run.</summary>
internal sealed class Recorder(HistoryWriter writer)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Lock _gate = new();

    // Of those that were answered.
    private readonly List<long> _begins = [];

    /// <summary>Microseconds since the run began.</summary>
    public long Now => (long)Stopwatch.GetElapsedTime(_start).TotalMicroseconds;

    public void Add(HistoryLine line)
    {
        writer.Add(line);
        if (line is Invocation operation && Meaningful.IsAnswer(operation))
        {
            lock (_gate)
            {
                _begins.Add(operation.Begin);
            }
        }
    }

    /// <summary>Says of a member, or of the cluster, what must not be: like a line that no member should print.</summary>
    public void Complain(string about, string text) => Add(new LogLine { Member = about, Text = text });

    /// <summary>How many operations that began since then have been answered.</summary>
    public int AnsweredSince(long begin)
    {
        lock (_gate)
        {
            return _begins.Count(one => one >= begin);
        }
    }

    /// <summary>Runs one operation and records it with what came of it.</summary>
    /// <param name="asked">What is known before it is answered; outcome and end are filled in here.</param>
    /// <param name="isRead">An operation that changes nothing: if it is not answered, nothing has happened.</param>
    /// <param name="run">Makes the call, and says what the operation is with its answer.</param>
    /// <returns>What was recorded.</returns>
    public async Task<Invocation> RunAsync(Invocation asked, bool isRead, Func<Invocation, Task<Invocation>> run)
    {
        asked = asked with { Begin = Now };
        Invocation over;
        try
        {
            over = await run(asked);
        }
        catch (RaftKvException refused)
        {
            var isUnknown = !isRead && refused.IsOutcomeUnknown;
            over = asked with { Outcome = isUnknown ? Outcome.Info : Outcome.Fail, Error = refused.Message };
        }
        catch (Exception broken) when (broken is OperationCanceledException or ObjectDisposedException)
        {
            over = asked with { Outcome = isRead ? Outcome.Fail : Outcome.Info, Error = broken.Message };
        }

        over = over with { End = Now };
        Add(over);
        return over;
    }

    /// <summary>An operation that is about to be run.</summary>
    public static Invocation Asked(int process, string call, string? key = null)
        => new() { Process = process, Call = call, Key = key, Begin = 0, End = 0, Outcome = Outcome.Ok };
}
