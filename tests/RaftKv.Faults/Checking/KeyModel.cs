using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>What a key is, as far as the operations so far tell.</summary>
/// <param name="Value">Null: there is no such key.</param>
/// <param name="Version">How often it was written since it was created.</param>
/// <param name="Modified">The revision of the last write; negative where that is unknown: at least so much.</param>
/// <param name="Created">Of the first write, in the same way.</param>
/// <param name="Floor">The newest revision that anybody was told of so far.</param>
internal readonly record struct KeyImage(string? Value, long Version, long Modified, long Created, long Floor);

/// <summary>
/// One key of a store that counts revisions, as etcd does: a write takes a revision that was not there, and makes the
/// version one more; a read shows value, version and revisions, and the revision of the store that it was made at.
/// </summary>
/// <param name="mayDelete">Whether somebody may have deleted the key without an answer.</param>
internal sealed class KeyModel(bool mayDelete) : ISequentialModel<KeyImage>
{
    public const string Read = "read";
    public const string Write = "write";
    public const string Cas = "cas";
    public const string Delete = "delete";

    /// <summary>Of many keys; what of it is known here are its writes.</summary>
    public const string Transaction = "txn";

    public KeyImage Initial => default;

    public static bool Knows(Invocation operation)
        => operation is { Key: not null, Local: false, Call: Read or Write or Cas or Delete };

    public bool TryStep(in KeyImage state, Invocation operation, out KeyImage next)
    {
        next = state;
        if (!operation.IsOk)
        {
            return TryUnknown(state, operation, ref next);
        }

        if (operation.Found is { } found && !Shows(state, found, out next))
        {
            return false;
        }

        var isSwap = operation.Call == Cas;
        if (isSwap && operation.Done == true != (state.Value == operation.Expected))
        {
            return false;
        }

        if (operation.Call == Delete && operation.Done is { } deleted && deleted != state.Value is not null)
        {
            return false;
        }

        var revision = operation.Revision ?? state.Floor;
        var writes = operation.Call == Write || (operation.Call is Cas or Delete && operation.Done == true);
        if (revision < state.Floor || (writes && operation.Revision is not null && revision == state.Floor) || next.Modified > revision)
        {
            return false;
        }

        next = writes
            ? After(next, operation, operation.Revision ?? -(state.Floor + 1), operation.Revision ?? state.Floor + 1)
            : next with { Floor = revision };
        return true;
    }

    public bool CanLeadTo(in KeyImage state, Invocation operation)
    {
        if (state.Floor > operation.Revision)
        {
            return false;
        }

        if (operation.Found is not { } found)
        {
            return true;
        }

        if (!found.Exists)
        {
            return state.Value is null || mayDelete;
        }

        // Either the key lives on, and is written some times more; or it is deleted, and created at a revision that is to come.
        var livesOn = state.Value is null
            || (Fits(state.Created, found.Created) && (found.Version > state.Version || (found.Version == state.Version && found.Value == state.Value)));
        return livesOn || (mayDelete && found.Created > state.Floor);
    }

    private static bool TryUnknown(in KeyImage state, Invocation operation, ref KeyImage next)
    {
        var applies = operation.Call switch
        {
            Write => true,
            Cas => state.Value == operation.Expected,
            Delete => state.Value is not null,
            _ => false,
        };
        if (applies)
        {
            next = After(state, operation, -(state.Floor + 1), state.Floor + 1);
        }

        return applies;
    }

    private static KeyImage After(in KeyImage state, Invocation operation, long modified, long floor)
        => operation.Call == Delete
            ? new KeyImage(null, 0, 0, 0, floor)
            : new KeyImage(operation.Value, state.Version + 1, modified, state.Value is null ? modified : state.Created, floor);

    /// <summary>Whether this is what a read may show; and what is known then.</summary>
    private static bool Shows(in KeyImage state, KeyState found, out KeyImage next)
    {
        next = state;
        if (!found.Exists)
        {
            return state.Value is null;
        }

        if (found.Value != state.Value || found.Version != state.Version || !Fits(state.Modified, found.Modified) || !Fits(state.Created, found.Created))
        {
            return false;
        }

        next = state with { Modified = found.Modified, Created = found.Created };
        return true;
    }

    private static bool Fits(long known, long shown) => known >= 0 ? known == shown : shown >= -known;
}
