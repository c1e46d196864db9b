using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Server.Tests.Replica;

public sealed class PendingAnswersTests
{
    private readonly PendingAnswers _answers = new(TimeProvider.System, TimeSpan.FromSeconds(5));

    [Fact]
    public async Task An_answer_is_told_when_it_is_handed_out()
    {
        var waiting = _answers.Expect(1, TestContext.Current.CancellationToken).AsTask();
        _answers.Complete(1, new Answer(StateError.None, 7, default));
        Assert.False(waiting.IsCompleted);

        _answers.HandOut();

        Assert.Equal(7, (await waiting).Revision);
        Assert.Equal(0, _answers.Count);
    }

    [Fact]
    public async Task A_request_that_was_given_up_does_not_disturb_the_next_one()
    {
        using var impatient = new CancellationTokenSource();
        var first = _answers.Expect(1, impatient.Token);
        await impatient.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await first);
        Assert.False(_answers.IsAwaited(1));

        var second = _answers.Expect(2, CancellationToken.None);
        _answers.Complete(1, new Answer(StateError.None, 7, default));
        _answers.Complete(2, new Answer(StateError.None, 8, default));
        _answers.HandOut();

        Assert.Equal(8, (await second).Revision);
    }

    [Fact]
    public async Task What_is_cancelled_before_it_begins_ends_at_once()
    {
        using var impatient = new CancellationTokenSource();
        await impatient.CancelAsync();

        await Assert.ThrowsAsync<OperationCanceledException>(async () => await _answers.Expect(1, impatient.Token));
        Assert.Equal(0, _answers.Count);
    }

    [Fact]
    public async Task An_answer_that_was_noted_is_told_even_if_its_caller_gives_up_meanwhile()
    {
        using var impatient = new CancellationTokenSource();
        var waiting = _answers.Expect(1, impatient.Token);
        _answers.Complete(1, new Answer(StateError.None, 7, default));
        await impatient.CancelAsync();
        _answers.HandOut();

        Assert.Equal(7, (await waiting).Revision);
    }

    [Fact]
    public async Task Many_requests_one_after_the_other_each_get_their_own_answer()
    {
        for (var round = 0UL; round < 100; round++)
        {
            var waiting = new List<Task<Answer>>();
            for (var i = 1UL; i <= 50; i++)
            {
                waiting.Add(_answers.Expect((round * 100) + i, TestContext.Current.CancellationToken).AsTask());
            }

            _answers.Refuse((round * 100) + 3, RequestRefusal.TooManyRequests);
            for (var i = 1UL; i <= 50; i++)
            {
                _answers.Complete((round * 100) + i, new Answer(StateError.None, (long)i, default));
            }

            _answers.HandOut();
            for (var i = 1; i <= 50; i++)
            {
                if (i == 3)
                {
                    var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => waiting[2]);
                    Assert.Equal(RequestRefusal.TooManyRequests, refused.Reason);
                }
                else
                {
                    Assert.Equal(i, (await waiting[i - 1]).Revision);
                }
            }
        }
    }
}
