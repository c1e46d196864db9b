using System.Globalization;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>
/// Damaged conversations, one seed after the other, each on a connection of its own. The server may refuse what it
/// likes in the way it likes, but it must come to an end with each, leave nothing open, log no error, and answer the next.
/// RAFTKV_FUZZ_ROUNDS makes it longer, RAFTKV_FUZZ_SEED starts it elsewhere: at the seed of a failure, for instance.
/// </summary>
[Collection(nameof(FloodCollection))]
public sealed class FuzzTests
{
    private const int StandardRounds = 400;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task Damaged_frames_are_refused_and_leave_nothing_behind()
        => await RunAsync(FrameMutations.Damage, async connection =>
        {
            // What was damaged may be waiting for bytes that never come: this tells the server that they do not.
            connection.CompleteWrites();
            while (await connection.ReadAsync() is not null)
            {
            }
        });

    [Fact]
    public async Task Distorted_calls_are_each_answered()
        => await RunAsync(FrameMutations.Distort, async connection =>
        {
            var answered = new HashSet<int>();
            while (await connection.ReadAsync() is { } frame)
            {
                if (frame.Kind is FrameKind.Reset || frame.EndsStream)
                {
                    answered.Add(frame.Stream);
                }

                if (answered.IsSupersetOf(connection.Asked))
                {
                    return;
                }
            }
        });

    private static async Task RunAsync(Func<List<RawFrame>, Random, byte[]> mutate, Func<FuzzedConnection, Task> finishAsync)
    {
        await using var calls = await HeldCalls.StartAsync();
        var first = Number("RAFTKV_FUZZ_SEED", 1);
        var rounds = Number("RAFTKV_FUZZ_ROUNDS", StandardRounds);
        for (var seed = first; seed < first + rounds; seed++)
        {
            var chance = new Random(seed);
            var conversation = FrameMutations.Conversation(chance);
            var bytes = mutate(conversation, chance);
            try
            {
                await using var connection = await calls.ConnectAsync();
                connection.IsPolite = false;
                var fuzzed = new FuzzedConnection(connection, [.. conversation.Where(frame => frame.Kind == FrameKind.Headers).Select(frame => frame.Stream)]);
                await WriteAsync(connection, bytes);
                await finishAsync(fuzzed).WaitAsync(Patience);
            }
            catch (TimeoutException e)
            {
                Assert.Fail($"seed {seed}: the server came to no end with {Convert.ToHexString(bytes)}. {e.Message}");
            }

            if (seed % 50 == 0)
            {
                await calls.UntilAsync(c => c.Open == 0);
                await calls.AnswersAsync();
            }

            Assert.True(calls.Errors.Lines.Count == 0, $"seed {seed}, {Convert.ToHexString(bytes)}: {string.Join('\n', calls.Errors.Lines)}");
        }

        await calls.UntilAsync(c => c.Open == 0);
        await calls.AnswersAsync();
        Assert.Empty(calls.Errors.Lines);
    }

    private static async Task WriteAsync(RawConnection connection, byte[] bytes)
    {
        try
        {
            await connection.WriteBytesAsync(bytes);
        }
        catch (IOException)
        {
            // Closed before it had all of it: one way to refuse.
        }
    }

    private static int Number(string variable, int standard)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : standard;

    /// <summary>A connection on which damaged calls were made.</summary>
    /// <param name="Asked">The streams that were opened.</param>
    private sealed record FuzzedConnection(RawConnection Connection, HashSet<int> Asked)
    {
        public Task<RawFrame?> ReadAsync() => Connection.ReadAsync();

        public void CompleteWrites() => Connection.CompleteWrites();
    }
}
