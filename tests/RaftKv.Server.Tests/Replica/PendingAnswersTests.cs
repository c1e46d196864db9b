using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Server.Tests.Replica;

/// <summary>Whoever waits for an answer gets its own, once, whatever happens to others that waited in the same place.</summary>
public sealed class PendingAnswersTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly ManualTime _time = new();
    private readonly PendingAnswers _answers;

    public PendingAnswersTests() => _answers = new PendingAnswers(_time, Timeout);

    [Fact]
    public async Task Answers_are_handed_out_together_and_each_to_whom_it_belongs()
    {
        var first = _answers.ExpectAsync(1);
        var second = _answers.ExpectAsync(2);
        _answers.Complete(2, Of(20));
        _answers.Complete(1, Of(10));
        Assert.False(first.IsCompleted);
        Assert.False(second.IsCompleted);
        _answers.HandOut();
        Assert.Equal(10, (await first).Revision);
        Assert.Equal(20, (await second).Revision);
        Assert.Equal(0, _answers.Count);
    }

    [Fact]
    public async Task One_that_waits_after_another_gets_nothing_of_what_the_other_waited_for()
    {
        for (var request = 1UL; request < 50; request++)
        {
            using var cancellation = new CancellationTokenSource();
            var waiting = _answers.ExpectAsync(request, cancellation.Token);
            switch (request % 4)
            {
                case 0:
                    await cancellation.CancelAsync();
                    await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.AsTask());
                    break;
                case 1:
                    _answers.Refuse(request, RequestRefusal.NotLeader);
                    var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => waiting.AsTask());
                    Assert.Equal(RequestRefusal.NotLeader, refused.Reason);
                    break;
                default:
                    Answer(request);
                    Assert.Equal((long)request, (await waiting).Revision);

                    // Too late, and for nobody.
                    await cancellation.CancelAsync();
                    break;
            }

            // Again and again: of requests that nobody waits for.
            Assert.False(_answers.IsAwaited(request));
            Answer(request);
            _answers.Refuse(request, RequestRefusal.TimedOut);
            _answers.Proposed(request, term: 9, now: _time.GetTimestamp());
        }
    }

    [Fact]
    public async Task One_that_is_given_up_while_its_answer_is_on_the_way_gets_the_answer()
    {
        using var cancellation = new CancellationTokenSource();
        var waiting = _answers.ExpectAsync(1, cancellation.Token);
        _answers.Complete(1, Of(7));
        await cancellation.CancelAsync();
        Assert.False(waiting.IsCompleted);
        _answers.HandOut();
        Assert.Equal(7, (await waiting).Revision);
    }

    [Fact]
    public async Task One_that_was_given_up_before_it_began_to_wait_is_told_at_once()
    {
        var waiting = _answers.ExpectAsync(1, new CancellationToken(canceled: true));
        Assert.True(waiting.IsCanceled);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.AsTask());
        Assert.Equal(0, _answers.Count);
    }

    [Fact]
    public async Task What_was_said_of_an_earlier_request_does_not_count_for_the_next()
    {
        var first = _answers.ExpectAsync(1);
        _answers.Proposed(1, term: 3, now: _time.GetTimestamp());
        Answer(1);
        await first;

        // In the same place; it is not in the hands of the leader of term 3, and so not lost with it.
        var second = _answers.ExpectAsync(2);
        _answers.Proposed(1, term: 3, now: _time.GetTimestamp());
        _answers.LostBefore(4);
        Assert.False(second.IsCompleted);
        _answers.Proposed(2, term: 4, now: _time.GetTimestamp());
        _answers.LostBefore(5);
        var lost = await Assert.ThrowsAsync<RequestRefusedException>(() => second.AsTask());
        Assert.Equal(RequestRefusal.TimedOutAfterLeaderFailure, lost.Reason);
    }

    [Fact]
    public async Task Only_what_still_waits_is_asked_about_when_time_is_up()
    {
        var asked = new List<long>();
        _answers.ReasonForTimeout = since =>
        {
            asked.Add(since);
            return RequestRefusal.TimedOut;
        };
        var answered = _answers.ExpectAsync(1);
        var forgotten = _answers.ExpectAsync(2);
        _time.Advance(TimeSpan.FromSeconds(1));
        var late = _answers.ExpectAsync(3);
        Answer(1);
        await answered;
        Assert.True(_answers.Forget(2));
        Assert.False(_answers.Forget(2));

        _time.Advance(Timeout - TimeSpan.FromSeconds(1));
        _answers.Sweep();
        Assert.Empty(asked);
        Assert.False(forgotten.IsCompleted);
        Assert.False(late.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(1));
        _answers.Sweep();
        Assert.Single(asked);
        await Assert.ThrowsAsync<RequestRefusedException>(() => late.AsTask());
        Assert.Equal(1, _answers.RefusedCount);
    }

    [Fact]
    public async Task Many_at_once_that_are_answered_and_given_up_at_the_same_time_each_come_to_one_end()
    {
        const int Each = 2_000;
        var ends = new (int Answered, int GivenUp)[4];
        await Task.WhenAll(Enumerable.Range(0, ends.Length).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < Each; i++)
            {
                var request = (ulong)((worker * Each) + i + 1);
                using var cancellation = new CancellationTokenSource();
                var waiting = _answers.ExpectAsync(request, cancellation.Token);
                var refusing = Task.Run(() => _answers.Refuse(request, RequestRefusal.NotLeader));
                await cancellation.CancelAsync();
                try
                {
                    await waiting;
                }
                catch (RequestRefusedException)
                {
                    ends[worker].Answered++;
                }
                catch (OperationCanceledException)
                {
                    ends[worker].GivenUp++;
                }

                await refusing;
            }
        })));
        Assert.All(ends, end => Assert.Equal(Each, end.Answered + end.GivenUp));
        Assert.Equal(ends.Sum(end => end.Answered), _answers.RefusedCount);
        Assert.Equal(0, _answers.Count);
    }

    private static Answer Of(long revision) => new(StateError.None, revision, default);

    private void Answer(ulong request)
    {
        _answers.Complete(request, Of((long)request));
        _answers.HandOut();
    }
}
